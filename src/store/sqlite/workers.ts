// Workers in the database: numbers that attempts and events refer to, one for each pair of id and name,
// and the records of what each worker did. Both are bounded; a number that is referred to always stays.

import { assert } from "../../domain/assert.ts";
import type { WorkerRef } from "../../domain/job.ts";
import { workerRecordCountMax } from "../../domain/limits.ts";
import type { WorkerRecord } from "../../domain/worker.ts";
import type { Statements } from "./statements.ts";

export type Workers = {
  /** The number of a worker, given to it if it has none: inside a transaction. */
  numberOf(worker: WorkerRef): number;
  /** Writes records and forgets those that have not been seen for longest: inside a transaction. */
  note(records: readonly WorkerRecord[]): void;
  record(id: string): WorkerRecord | null;
  /** After a rollback. */
  reload(): void;
};

export function createWorkers(statements: Statements): Workers {
  const numbersByPair = new Map<string, number>();

  function lookUp({ id, name }: WorkerRef): number {
    const row =
      statements.workerByName.get({ workerId: id, name }) ??
      statements.insertWorker.get({ workerId: id, name });
    assert(row !== null, "a worker has a number");
    return row.id;
  }

  function forgetUnused(): void {
    const count = statements.workerCount.get({})?.count ?? 0;
    if (count <= workerRecordCountMax) return;
    statements.deleteUnusedWorkers.run({});
    numbersByPair.clear();
  }

  return {
    numberOf: (worker) => {
      const pair = `${worker.id}\n${worker.name}`;
      const known = numbersByPair.get(pair);
      if (known !== undefined) return known;
      const number = lookUp(worker);
      if (numbersByPair.size >= workerRecordCountMax) numbersByPair.clear();
      numbersByPair.set(pair, number);
      return number;
    },
    note: (records) => {
      for (const record of records) statements.upsertWorkerRecord.run(record);
      const count = statements.workerRecordCount.get({})?.count ?? 0;
      const excess = count - workerRecordCountMax;
      if (excess > 0) statements.deleteOldestWorkerRecords.run({ count: excess });
      forgetUnused();
    },
    record: (id) => statements.workerRecord.get({ id }),
    reload: () => numbersByPair.clear(),
  };
}
