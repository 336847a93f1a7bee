// What is done to all jobs that a filter finds. The server works for some seconds at a time; asked again with the
// cursor of its answer it goes on, so that no job is looked at twice.

import type { WireManyDone } from "../protocol/http-api.ts";
import type { CallOptions, ListOptions } from "./jobs.ts";
import { readObject } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import { toInstant } from "./submit.ts";

/** Which jobs; without a single one of these, all. */
export type ManyFilter = Pick<
  ListOptions,
  "status" | "type" | "group" | "batch" | "keyPrefix" | "worker" | "submittedAfter"
>;

export type ManyOptions = CallOptions & {
  /** For `remove`: also jobs that are pending or running. */
  readonly force?: boolean;
};

/** `matched` were found, `changed` were moved or deleted, `refused` may not be; the others stood already as wanted. */
export type ManyDone = {
  readonly matched: number;
  readonly changed: number;
  readonly refused: number;
};

export type Many = {
  cancel(filter: ManyFilter, options?: ManyOptions): Promise<ManyDone>;
  retry(filter: ManyFilter, options?: ManyOptions): Promise<ManyDone>;
  remove(filter: ManyFilter, options?: ManyOptions): Promise<ManyDone>;
};

export function createMany(transport: Transport): Many {
  const act = async (
    verb: "cancel" | "retry" | "delete",
    filter: ManyFilter,
    { force = false, signal }: ManyOptions = {},
  ): Promise<ManyDone> => {
    const words = toFields(filter);
    const which = Object.keys(words).length === 0 ? { all: true } : { filter: words };
    return actToTheEnd((cursor) => {
      const asked = { ...which, ...(force && { force }), ...(cursor !== null && { cursor }) };
      return transport.send(
        {
          method: "POST",
          path: ["jobs", verb],
          headers: { "content-type": "application/json" },
          body: () => jsonBody(asked),
          isRepeatable: false,
          signal,
        },
        (answer) => readObject<WireManyDone>(answer, ["matched", "changed", "more"]),
      );
    });
  };
  return {
    cancel: (filter, options) => act("cancel", filter, options),
    retry: (filter, options) => act("retry", filter, options),
    remove: (filter, options) => act("delete", filter, options),
  };
}

/** The sum of what all requests did until nothing is left. */
export async function actToTheEnd(
  ask: (cursor: string | null) => Promise<WireManyDone>,
): Promise<ManyDone> {
  let sum: ManyDone = { matched: 0, changed: 0, refused: 0 };
  let cursor: string | null = null;
  do {
    const { matched, changed, refused, more, ...rest }: WireManyDone = await ask(cursor);
    sum = {
      matched: sum.matched + matched,
      changed: sum.changed + changed,
      refused: sum.refused + refused,
    };
    cursor = more ? rest.cursor : null;
  } while (cursor !== null);
  return sum;
}

function toFields(filter: ManyFilter): { readonly [name: string]: string | number } {
  const { status, type, group, batch, keyPrefix, worker, submittedAfter } = filter;
  const fields = {
    status,
    type,
    group,
    batch,
    key_prefix: keyPrefix,
    worker,
    submitted_after: submittedAfter === undefined ? undefined : toInstant(submittedAfter),
  };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function jsonBody(value: unknown) {
  return {
    init: JSON.stringify(value),
    failure: () => undefined,
    close: () => Promise.resolve(),
  };
}
