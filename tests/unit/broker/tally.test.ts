import { expect, test } from "bun:test";
import { createTally } from "../../../src/broker/tally.ts";
import type { WorkerRecord } from "../../../src/domain/worker.ts";
import { aWorker } from "../../support/a-job.ts";
import { someNews } from "../../support/some-news.ts";

const worker = aWorker("a");
const at = 1_000_000;

/** Keeps what is written, as a store would, and answers reads when it is told to. */
function aTally(stored: Partial<WorkerRecord> | null = null) {
  const recordsById = new Map<string, WorkerRecord>();
  const empty = { ...worker, firstSeenAt: 5, lastSeenAt: 6, doneCount: 0, failedCount: 0 };
  if (stored !== null) recordsById.set("a", { ...empty, ...stored });
  const writes: (readonly WorkerRecord[])[] = [];
  let reads = Promise.resolve();
  const tally = createTally({
    jobs: {
      async worker(id) {
        const record = recordsById.get(id) ?? null;
        await reads;
        return record;
      },
      async noteWorkers(records) {
        writes.push(records);
        for (const record of records) recordsById.set(record.id, record);
      },
    },
  });
  const holdReads = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    reads = promise;
    return resolve;
  };
  return { tally, writes, recordsById, holdReads };
}

test("note() counts done and failed jobs of a worker [GL-48]", async () => {
  const { tally } = aTally();
  await tally.join(worker, at);
  const changes = ["completed", "completed", "failed", "timed_out", "lost", "released"] as const;
  for (const change of changes) tally.note(someNews(change, { at: at + 1 }));
  expect(tally.record(worker, at)).toEqual({
    ...worker,
    firstSeenAt: at,
    lastSeenAt: at + 1,
    doneCount: 2,
    failedCount: 2,
  });
});

test("join() takes up the history of a worker under its id, with its newest name [GL-48] [GL-49]", async () => {
  const { tally } = aTally({ name: "old name", firstSeenAt: 7, doneCount: 10, failedCount: 3 });
  await tally.join(worker, at);
  tally.note(someNews("completed", { at }));
  expect(tally.record(worker, at)).toEqual({
    ...worker,
    firstSeenAt: 7,
    lastSeenAt: at,
    doneCount: 11,
    failedCount: 3,
  });
});

test("join() of a second socket with the same id keeps the counts", async () => {
  const { tally } = aTally({ doneCount: 10 });
  await tally.join(worker, at);
  tally.note(someNews("completed", { at }));
  await tally.join(worker, at + 1);
  expect(tally.record(worker, at)).toMatchObject({ doneCount: 11, lastSeenAt: at + 1 });
});

test("join() of two sockets at once reads the history once", async () => {
  const { tally, holdReads } = aTally({ doneCount: 10 });
  const release = holdReads();
  const joined = [tally.join(worker, at), tally.join(worker, at)];
  release();
  await Promise.all(joined);
  tally.note(someNews("completed", { at }));
  await tally.join(worker, at);
  expect(tally.record(worker, at).doneCount).toBe(11);
});

test("flush() writes what changed, once", async () => {
  const { tally, writes } = aTally();
  await tally.join(worker, at);
  await tally.flush(() => true);
  await tally.flush(() => true);
  expect(writes).toMatchObject([[{ id: "a", doneCount: 0 }]]);
  tally.note(someNews("completed", { at }));
  await tally.flush(() => true);
  expect(writes[1]).toMatchObject([{ id: "a", doneCount: 1 }]);
});

test("flush() forgets workers that are gone, and they find their history when they come back", async () => {
  const { tally } = aTally();
  await tally.join(worker, at);
  tally.note(someNews("completed", { at }));
  await tally.flush(() => false);
  expect(tally.record(worker, at).doneCount).toBe(0);
  await tally.join(worker, at + 1);
  expect(tally.record(worker, at)).toMatchObject({ doneCount: 1, firstSeenAt: at });
});

test("note() of a worker that is gone does not wipe out its history", async () => {
  const { tally, recordsById } = aTally({ doneCount: 10 });
  await tally.join(worker, at);
  await tally.flush(() => false);
  tally.note(someNews("completed", { at: at + 1 }));
  await tally.flush(() => false);
  expect(recordsById.get("a")?.doneCount).toBe(10);
});

test("note() before the history is read does not wipe it out", async () => {
  const { tally, recordsById, holdReads } = aTally({ doneCount: 10 });
  const release = holdReads();
  const joined = tally.join(worker, at);
  tally.note(someNews("completed", { at }));
  await tally.flush(() => true);
  release();
  await joined;
  await tally.flush(() => true);
  expect(recordsById.get("a")?.doneCount).toBeGreaterThanOrEqual(10);
});

test("doneRate() counts the whole seconds of the last minute", () => {
  const { tally } = aTally();
  const done = (ms: number) => tally.note(someNews("completed", { at: at + ms, worker: null }));
  for (let count = 0; count < 120; count += 1) done(0);
  expect(tally.doneRate(at)).toBe(0);
  expect(tally.doneRate(at + 1_000)).toBe(2);
  expect(tally.doneRate(at + 60_000)).toBe(2);
  expect(tally.doneRate(at + 61_000)).toBe(0);
});

test("doneRate() stays right after many minutes of work", () => {
  const { tally } = aTally();
  for (let second = 0; second < 1_000; second += 1) {
    for (let count = 0; count < 3; count += 1) {
      tally.note(someNews("completed", { at: second * 1_000, worker: null }));
    }
  }
  expect(tally.doneRate(1_000_000)).toBe(3);
});
