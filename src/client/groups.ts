// A user's own set of jobs: how far it is, ending it, and giving its failed jobs another life.

import type { Json } from "../domain/errors.ts";
import { requireSegment } from "./address.ts";
import type { CallOptions } from "./jobs.ts";
import { readObject } from "./read-answer.ts";
import type { Transport } from "./request.ts";

/** Counts, rate and estimated end, in the names of the API. */
export type GroupReport = { readonly [name: string]: Json };

export type Groups = {
  get(group: string, options?: CallOptions): Promise<GroupReport>;
  /** Cancels what is not settled. */
  cancel(group: string, options?: CallOptions): Promise<GroupReport>;
  retryFailed(group: string, options?: CallOptions): Promise<GroupReport>;
};

export function createGroups(transport: Transport): Groups {
  const ask = async (
    method: "GET" | "POST",
    group: string,
    verb: readonly string[],
    { signal }: CallOptions = {},
  ) =>
    transport.send(
      {
        method,
        path: ["groups", requireSegment("group", group), ...verb],
        isRepeatable: method === "GET",
        signal,
      },
      (answer) => readObject<GroupReport>(answer, []),
    );
  return {
    get: (group, options) => ask("GET", group, [], options),
    cancel: (group, options) => ask("POST", group, ["cancel"], options),
    retryFailed: (group, options) => ask("POST", group, ["retry-failed"], options),
  };
}
