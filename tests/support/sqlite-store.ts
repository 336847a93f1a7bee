// A SQLite store in a directory of its own, which can be closed, opened again and taken away.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../../src/platform/clock.ts";
import { atEndOfTurn } from "../../src/platform/turn.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import {
  createSqliteJobStore,
  type SqliteJobStoreOptions,
} from "../../src/store/sqlite/sqlite-job-store.ts";

export type SqlitePlace = {
  readonly file: string;
  open(options?: Partial<SqliteJobStoreOptions>): JobStore;
  remove(): void;
};

export function createSqlitePlace(): SqlitePlace {
  const directory = mkdtempSync(join(tmpdir(), "job-store-"));
  const file = join(directory, "jobs.db");
  const onBroken = (error: unknown) => {
    throw error;
  };
  return {
    file,
    open: (options = {}) =>
      createSqliteJobStore({
        file,
        batchSize: 3,
        durability: "process",
        atEndOfTurn,
        clock: createSystemClock(),
        onBroken,
        ...options,
      }),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
