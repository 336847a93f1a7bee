// Counts what workers and the grid get done: per worker for its record, per second for the rate.
// Written to the store now and then only: a lost count harms nobody.

import type { Instant, WorkerRef } from "../domain/job.ts";
import type { WorkerRecord } from "../domain/worker.ts";
import type { JobStore } from "../store/job-store.ts";
import type { News } from "./feed.ts";

export type Tally = {
  /** Takes up a worker's record; nothing of the worker is counted before it is read. */
  join(worker: WorkerRef, at: Instant): Promise<void>;
  note(news: News): void;
  record(worker: WorkerRef, at: Instant): WorkerRecord;
  /** Jobs done per second over the last minute. */
  doneRate(at: Instant): number;
  /** Writes the records that changed, and forgets those of workers that are not connected. */
  flush(isConnected: (workerId: string) => boolean): Promise<void>;
};

const secondCount = 60;

export function createTally({
  jobs,
}: {
  readonly jobs: Pick<JobStore, "worker" | "noteWorkers">;
}): Tally {
  const recordsById = new Map<string, WorkerRecord>();
  const changed = new Set<string>();
  const doneBySecond = new Map<number, number>();

  const record = (worker: WorkerRef, at: Instant): WorkerRecord =>
    recordsById.get(worker.id) ?? {
      ...worker,
      firstSeenAt: at,
      lastSeenAt: at,
      doneCount: 0,
      failedCount: 0,
    };

  const put = (next: WorkerRecord) => {
    recordsById.set(next.id, next);
    changed.add(next.id);
  };

  return {
    record,
    async join(worker, at) {
      const stored = recordsById.has(worker.id) ? null : await jobs.worker(worker.id);
      // Another socket of the same worker may have been quicker: what is counted already stands.
      const known = recordsById.get(worker.id) ?? stored ?? record(worker, at);
      put({ ...known, ...worker, lastSeenAt: at });
    },
    note({ event }) {
      if (event.change === "completed") {
        const second = Math.floor(event.at / 1000);
        doneBySecond.set(second, (doneBySecond.get(second) ?? 0) + 1);
        if (doneBySecond.size > secondCount) forgetBefore(doneBySecond, second - secondCount);
      }
      if (event.worker === null) return;
      const isDone = event.change === "completed";
      const isFailed = event.change === "failed" || event.change === "timed_out";
      if (!isDone && !isFailed) return;
      const standing = recordsById.get(event.worker.id);
      // Counts replace what is stored: a record begun here would wipe out a history that was not read.
      if (standing === undefined) return;
      put({
        ...standing,
        lastSeenAt: event.at,
        doneCount: standing.doneCount + (isDone ? 1 : 0),
        failedCount: standing.failedCount + (isFailed ? 1 : 0),
      });
    },
    doneRate(at) {
      const now = Math.floor(at / 1000);
      let doneCount = 0;
      for (const [second, count] of doneBySecond) {
        if (second >= now - secondCount && second < now) doneCount += count;
      }
      return doneCount / secondCount;
    },
    async flush(isConnected) {
      const records = [...changed].flatMap((id) => recordsById.get(id) ?? []);
      changed.clear();
      for (const id of recordsById.keys()) if (!isConnected(id)) recordsById.delete(id);
      if (records.length > 0) await jobs.noteWorkers(records);
    },
  };
}

function forgetBefore(countBySecond: Map<number, number>, second: number): void {
  for (const key of countBySecond.keys()) if (key < second) countBySecond.delete(key);
}
