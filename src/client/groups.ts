// A user's own set of jobs: how far it is, ending it, giving its failed jobs another life, and its results as one file.

import type { WireGroup, WireManyDone } from "../protocol/http-api.ts";
import { requireSegment } from "./address.ts";
import type { CallOptions } from "./jobs.ts";
import { actToTheEnd, type ManyDone } from "./many.ts";
import { openStream } from "./open-stream.ts";
import { readObject } from "./read-answer.ts";
import type { Transport } from "./request.ts";

export type Groups = {
  get(group: string, options?: CallOptions): Promise<WireGroup>;
  /** Cancels what is not settled. */
  cancel(group: string, options?: CallOptions): Promise<ManyDone>;
  retryFailed(group: string, options?: CallOptions): Promise<ManyDone>;
  /** A tar file with the results of the done jobs behind a manifest. Cut short it has no valid end. */
  results(group: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
};

export function createGroups(transport: Transport): Groups {
  const act = async (group: string, verb: string, { signal }: CallOptions = {}) =>
    actToTheEnd((cursor) =>
      transport.send(
        {
          method: "POST",
          path: [...groupPath(group), verb],
          query: { cursor: cursor ?? undefined },
          isRepeatable: false,
          signal,
        },
        (answer) => readObject<WireManyDone>(answer, ["matched", "changed", "more"]),
      ),
    );
  return {
    get: async (group, { signal } = {}) =>
      transport.send(
        { method: "GET", path: groupPath(group), isRepeatable: true, signal },
        (answer) => readObject<WireGroup>(answer, ["group", "jobs"]),
      ),
    cancel: (group, options) => act(group, "cancel", options),
    retryFailed: (group, options) => act(group, "retry-failed", options),
    results: async (group, { signal } = {}) =>
      openStream(transport, {
        what: "The archive",
        path: [...groupPath(group), "results.tar"],
        answerMsMax: null, // The server first counts what goes into it.
        signal,
      }),
  };
}

function groupPath(group: string): readonly string[] {
  return ["groups", requireSegment("group", group)];
}
