import { expect, test } from "bun:test";
import { createEventTail, toEventId } from "../../../src/broker/event-tail.ts";
import type { StoredEvent } from "../../../src/domain/event.ts";
import { eventReplayCountMax, eventTailCountMax, pageSizeMax } from "../../../src/domain/limits.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { aNewJob, anId } from "../../support/builders.ts";

/** A tail over a store that counts how often its events are read. */
function aTail(given: Partial<JobStore> = {}) {
  const store: JobStore = { ...createMemoryJobStore({ batchSize: 100 }), ...given };
  const reads: number[] = [];
  const works: Promise<unknown>[] = [];
  const jobs: JobStore = {
    ...store,
    events: (after, limit) => {
      reads.push(after);
      return store.events(after, limit);
    },
  };
  const tail = createEventTail({ jobs, makeId: anId, carryOut: (work) => works.push(work) });
  const idle = async () => {
    while (works.length > 0) await works.shift();
  };
  const add = async (count: number) => {
    await store.add(Array.from({ length: count }, () => aNewJob()));
    tail.wake();
    await idle();
  };
  return { tail, store, reads, add, idle };
}

const seqsOf = (events: readonly StoredEvent[]) => events.map(({ seq }) => seq);

test("watch() calls with new events in order, until it is left", async () => {
  const { tail, add } = aTail();
  await add(2);
  const heard: number[] = [];
  const leave = await tail.watch((events) => heard.push(...seqsOf(events)));
  await add(2);
  await add(1);
  leave();
  await add(1);
  expect(heard).toEqual([3, 4, 5]);
});

test("watch() reads the store once for all who listen, and not at all when nobody does", async () => {
  const { tail, add, reads } = aTail();
  await add(1);
  expect(reads).toEqual([]);
  const leave = [await tail.watch(() => {}), await tail.watch(() => {})];
  reads.length = 0;
  await add(1);
  expect(reads).toEqual([1]);
  expect([seqsOf(await tail.read(1, 10)), seqsOf(await tail.read(2, 10))]).toEqual([[2], []]);
  expect(reads).toEqual([1]);
  for (const one of leave) one();
});

test("watch() reads on when more was written than one read brings", async () => {
  const { tail, add } = aTail();
  const heard: number[] = [];
  const leave = await tail.watch((events) => heard.push(...seqsOf(events)));
  await add(pageSizeMax * 2 + 1);
  leave();
  expect(heard).toEqual(Array.from({ length: pageSizeMax * 2 + 1 }, (_, i) => i + 1));
});

test("watch() misses nothing that is written while it begins", async () => {
  const gate = Promise.withResolvers<void>();
  const store = createMemoryJobStore({ batchSize: 100 });
  const { tail, idle } = aTail({
    ...store,
    lastEventSeq: async () => {
      const seq = await store.lastEventSeq();
      await gate.promise;
      return seq;
    },
  });
  const heard: number[] = [];
  const watching = tail.watch((events) => heard.push(...seqsOf(events)));
  await store.add([aNewJob()]);
  tail.wake();
  gate.resolve();
  const leave = await watching;
  await idle();
  leave();
  expect(heard).toEqual([1]);
});

test("read() goes to the store for what lies before the tail, and gives at most what is asked for", async () => {
  const { tail, add, reads } = aTail();
  await add(3);
  const leave = await tail.watch(() => {});
  await add(eventTailCountMax + 10);
  reads.length = 0;
  expect(seqsOf(await tail.read(0, 2))).toEqual([1, 2]);
  expect(reads).toEqual([0]);
  expect(seqsOf(await tail.read(13, 2))).toEqual([14, 15]);
  expect(seqsOf(await tail.read(eventTailCountMax + 12, 9))).toEqual([eventTailCountMax + 13]);
  expect(reads).toEqual([0]);
  leave();
  expect(seqsOf(await tail.read(14, 1))).toEqual([15]);
  expect(reads).toEqual([0, 14]);
});

test("a watch that begins anew while an old read is under way hears each event once", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const store = createMemoryJobStore({ batchSize: 100 });
  const { tail, idle } = aTail({
    ...store,
    events: async (after, limit) => {
      const events = await store.events(after, limit);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      return events;
    },
  });
  const leave = await tail.watch(() => {});
  await store.add([aNewJob()]);
  tail.wake();
  leave();
  const heard: number[] = [];
  const leaveAgain = await tail.watch((events) => heard.push(...seqsOf(events)));
  await store.add([aNewJob()]);
  tail.wake();
  const done = idle();
  for (let isDone = false; !isDone;) {
    for (const gate of gates.splice(0)) gate.resolve();
    isDone = await Promise.race([
      done.then(() => true),
      new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
    ]);
  }
  leaveAgain();
  expect(heard).toEqual([2]);
});

test("place() goes on behind the last event seen, and nowhere else", async () => {
  const { tail, add } = aTail();
  await tail.begin();
  await add(3);
  const now = await tail.place(null);
  expect(now).toMatchObject({ after: 3, isUnbroken: true });
  expect(await tail.place(toEventId(now, 2))).toEqual({ ...now, after: 2 });
  expect(await tail.place("2")).toEqual({ ...now, after: 2 });
  const broken = { ...now, isUnbroken: false };
  for (const id of [toEventId(now, 4), "4", "000000000000-2", "2x", "", "-2", "1e1", " 2"]) {
    expect([id, await tail.place(id)]).toEqual([id, broken]);
  }
});

test("place() does not go back further than is worth it", async () => {
  const { tail } = aTail({ lastEventSeq: async () => eventReplayCountMax + 5 });
  await tail.begin();
  expect(await tail.place("5")).toMatchObject({ after: 5, isUnbroken: true });
  expect(await tail.place("4")).toMatchObject({
    after: eventReplayCountMax + 5,
    isUnbroken: false,
  });
});
