// What is settled, oldest first, and the forgetting of what is told of deleted jobs. Apart from the reading and writing
// of jobs: only the slow work of keeping house uses it.

import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { EventForgetting, ForgottenEvents, SettledJob } from "../job-store.ts";
import type { Counters } from "./counters.ts";
import * as sql from "./retention-sql.ts";
import { prepareRead } from "./statements.ts";
import { nameOf, statusNames } from "./stored-numbers.ts";
import type { Types } from "./types.ts";

export type Retention = {
  settled(after: number, limit: number): readonly SettledJob[];
  /** Inside a transaction. */
  forgetEvents(which: EventForgetting): ForgottenEvents;
};

type SettledRow = Omit<SettledJob, "status" | "type"> & {
  readonly state: number;
  readonly type: number;
};
type DeletedRow = { readonly event: number; readonly at: number };

export function createRetention(db: Database, types: Types, counters: Counters): Retention {
  const settledAfter = prepareRead<SettledRow>(db, sql.SETTLED_AFTER);
  const oldestDeleted = prepareRead<DeletedRow>(db, sql.OLDEST_DELETED);
  const forgetDeleted = db.prepare<unknown, SQLQueryBindings>(sql.FORGET_DELETED);
  const forgetEvent = db.prepare<unknown, SQLQueryBindings>(sql.FORGET_EVENT);
  return {
    settled: (after, limit) =>
      settledAfter.all({ after, limit }).map(({ state, type, ...row }) => {
        const status = nameOf(statusNames, state) as SettledJob["status"]; // The condition of the search.
        return { ...row, status, type: types.nameOf(type) };
      }),
    forgetEvents({ before, keepCount, limit }) {
      const until = counters.lastEvent() - keepCount;
      const due = oldestDeleted.all({ until, limit }).filter(({ at }) => at < before);
      for (const { event } of due) {
        forgetDeleted.run({ event });
        forgetEvent.run({ event });
      }
      return { count: due.length, last: due.at(-1)?.event ?? null };
    },
  };
}
