import { expect, test } from "bun:test";
import type { BlobStore } from "../../../src/blobs/blob-store.ts";
import { createMemoryBlobStore } from "../../../src/blobs/memory/memory-blob-store.ts";
import { watchStaged } from "../../../src/broker/staged.ts";
import { sweepBlobs } from "../../../src/broker/sweep-blobs.ts";
import type { NewContent } from "../../../src/domain/blob-ref.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aNewJob } from "../../support/builders.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { removeJob } from "../../support/store-steps.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const hourMs = 3_600_000;
const never = new AbortController().signal;

/** Both stores, watched, and a collector with an hour of grace unless said otherwise. */
function aHouse(given: { readonly graceMs?: number; readonly restMs?: number } = {}) {
  const clock = createVirtualClock();
  const bare = createMemoryBlobStore({ clock, random: createSeededRandom(1) });
  const staged = watchStaged({ jobs: createMemoryJobStore({ batchSize: 100 }), blobs: bare });
  const { jobs, blobs } = staged;
  const log = createSilentLog();
  const sweep = { jobs, blobs, staged, clock, log, graceMs: hourMs, restMs: 600_000, ...given };
  return {
    clock,
    bare,
    staged,
    jobs,
    blobs,
    kept: async () => (await bare.list(null, 1000)).map(({ name }) => name),
    /** One round of the collector, with the time that it takes. */
    async sweep(stop: AbortSignal = never, meanwhile: () => Promise<void> = async () => {}) {
      let isOver = false;
      const round = sweepBlobs(sweep, stop).finally(() => (isOver = true));
      await settle();
      await meanwhile();
      while (!isOver) {
        clock.advance(clock.nextTimerMs() ?? 0);
        await settle();
      }
      await round;
    },
  };
}

/** Lets everything run that waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function put(blobs: BlobStore, text: string): Promise<NewContent> {
  const ref = await blobs.put(chunks(text), 1_000);
  return { ...ref, contentType: null, inline: null };
}

async function* chunks(text: string) {
  yield new TextEncoder().encode(text);
}

test("sweepBlobs() takes away what no record refers to, and nothing else", async () => {
  const house = aHouse();
  const orphan = await put(house.bare, "left behind");
  const payload = await put(house.blobs, "needed");
  await house.jobs.add([aNewJob({ payload })]);
  house.clock.advance(hourMs);
  await house.sweep();
  expect(await house.kept()).toEqual([payload.name]);
  expect(orphan.name).not.toBe(payload.name);
});

test("sweepBlobs() leaves bytes that are younger than the grace", async () => {
  const house = aHouse();
  const young = await put(house.bare, "young");
  house.clock.advance(hourMs - 1);
  await house.sweep();
  expect(await house.kept()).toEqual([young.name]);
});

test("sweepBlobs() leaves bytes of a form that is not read to its end, however long that takes", async () => {
  const house = aHouse({ graceMs: 0 });
  const payload = await put(house.blobs, "before slow fields");
  house.clock.advance(5 * hourMs);
  await house.sweep();
  expect(await house.kept()).toEqual([payload.name]);
  await house.jobs.add([aNewJob({ payload })]);
  await house.sweep();
  expect(await house.kept()).toEqual([payload.name]);
});

test("sweepBlobs() takes away bytes whose job could not be added, when they are old enough", async () => {
  const house = aHouse();
  const payload = await put(house.blobs, "refused by a full disk");
  await house.jobs.close();
  expect(await house.jobs.add([aNewJob({ payload })]).catch(() => "refused")).toBe("refused");
  expect(house.staged.isHeld(payload.name)).toBe(false);
});

test("sweepBlobs() asks again before it takes away: a record may have come between the two steps", async () => {
  const house = aHouse();
  const payload = await put(house.bare, "recorded late"); // As a name that nobody holds.
  house.clock.advance(2 * hourMs);
  await house.sweep(never, async () => void (await house.jobs.add([aNewJob({ payload })])));
  expect(await house.kept()).toEqual([payload.name]);
});

test("sweepBlobs() waits for uploads that were under way when it looked, without any grace", async () => {
  const house = aHouse({ graceMs: 0, restMs: 0 });
  await put(house.bare, "left behind"); // Gives the round a second step.
  // The bytes stand under their name, and the provider has not told it yet.
  const told = Promise.withResolvers<void>();
  const slow = watchStaged({
    jobs: house.jobs,
    blobs: {
      ...house.bare,
      put: async (bytes, max) => {
        const ref = await house.bare.put(bytes, max);
        await told.promise;
        return ref;
      },
    },
  });
  const putting = put(slow.blobs, "on its way");
  await settle();
  expect(await house.kept()).toHaveLength(2);

  const deps = { ...house, staged: slow, log: createSilentLog(), graceMs: 0, restMs: 0 };
  let isOver = false;
  const round = sweepBlobs(deps, never).finally(() => (isOver = true));
  for (let turn = 0; turn < 5; turn += 1) {
    await settle();
    house.clock.advance(60_000);
  }
  expect(isOver).toBe(false);
  told.resolve();
  const { name } = await putting;
  while (!isOver) {
    await settle();
    house.clock.advance(60_000);
  }
  await round;
  expect(await house.kept()).toEqual([name]);
});

test("sweepBlobs() ends soon after its signal, with what is doomed still there", async () => {
  const house = aHouse({ graceMs: 0 });
  await put(house.bare, "left behind");
  const stop = new AbortController();
  const round = house.sweep(stop.signal, async () => stop.abort());
  await round;
  expect(await house.kept()).toHaveLength(1);
  expect(house.clock.timerCount()).toBe(0);
});

test("sweepBlobs() works through more files than one page holds", async () => {
  const house = aHouse({ graceMs: 0, restMs: 0 });
  for (let n = 0; n < 600; n += 1) await put(house.bare, `orphan ${n}`);
  const payload = await put(house.blobs, "needed");
  await house.jobs.add([aNewJob({ payload })]);
  await house.sweep();
  expect(await house.kept()).toEqual([payload.name]);
});

test("pin() holds back what records named, and lets go of it at its end", async () => {
  const { staged, jobs, blobs, kept } = aHouse();
  const payload = await put(blobs, "to be copied");
  const [added] = await jobs.add([aNewJob({ payload })]);
  const [one, other] = [staged.pin(), staged.pin()];
  for (const name of await removeJob(jobs, added?.kind === "added" ? added.seq : 0)) {
    await blobs.delete(name);
  }
  const refused = await put(blobs, "never recorded");
  await blobs.delete(refused.name);
  expect(await kept()).toEqual([payload.name]);
  await one();
  await one();
  expect(await kept()).toEqual([payload.name]);
  await other();
  expect(await kept()).toEqual([]);
});

test("isHeld() is true from the end of an upload until a record names it or it is taken away", async () => {
  const { staged, jobs, blobs } = aHouse();
  const first = await put(blobs, "first");
  const second = await put(blobs, "second");
  expect([staged.isHeld(first.name), staged.isHeld(second.name)]).toEqual([true, true]);
  await jobs.add([aNewJob({ key: "a", payload: first })]);
  await jobs.add([aNewJob({ key: "a", payload: second })]);
  expect([staged.isHeld(first.name), staged.isHeld(second.name)]).toEqual([false, true]);
  await blobs.delete(second.name);
  expect(staged.isHeld(second.name)).toBe(false);
});
