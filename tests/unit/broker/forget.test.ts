import { expect, test } from "bun:test";
import { forget, forgottenEventSetting, type RetentionRules } from "../../../src/broker/forget.ts";
import { deletion } from "../../../src/broker/operate.ts";
import type { Job } from "../../../src/domain/job.ts";
import { forgottenEventsKeptCount } from "../../../src/domain/limits.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aNewJob, smallContent } from "../../support/builders.ts";
import { addJob, claimBy, putStep, removeJob, runToDone } from "../../support/store-steps.ts";
import { now } from "../../support/a-job.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const hourMs = 3_600_000;
const keepAll: RetentionRules = {
  doneMs: null,
  failedMs: null,
  msByType: new Map(),
  bytesMax: null,
  eventsMs: hourMs,
};

/** Jobs that end at `now`, looked at an hour later by rules that keep all unless said otherwise. */
function aHouse(given: Partial<RetentionRules>) {
  const clock = createVirtualClock(now + hourMs);
  const jobs = createMemoryJobStore({ batchSize: 100 });
  const remove = async (due: readonly Job[]) => {
    const answers = await jobs.remove(
      due.map((job) => ({ from: job.revision, seq: job.seq, event: deletion(job, clock.now()) })),
    );
    return answers.filter(({ kind }) => kind === "removed").length;
  };
  const deps = { jobs, remove, clock, log: createSilentLog(), rules: { ...keepAll, ...given } };
  return {
    clock,
    jobs,
    async add(end: "done" | "cancelled" | "none", type = "", result = "r") {
      const seq = await addJob(jobs, aNewJob({ type, payload: smallContent("p") }));
      if (end === "done") await runToDone(jobs, seq, smallContent(result));
      if (end === "cancelled") await putStep(jobs, seq, { do: "cancel", at: now, info: null });
      return seq;
    },
    left: async () => {
      const page = await jobs.list({ filter: {}, order: "oldest", limit: 1_000, after: null });
      return page.items.map(({ seq }) => seq);
    },
    async forget(stop = new AbortController().signal) {
      let isOver = false;
      const round = forget(deps, stop).finally(() => (isOver = true));
      while (!isOver) {
        for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
        clock.advance(clock.nextTimerMs() ?? 0);
      }
      await round;
    },
  };
}

test("forget() keeps everything when no time is set", async () => {
  const house = aHouse({});
  const seqs = [await house.add("done"), await house.add("cancelled"), await house.add("none")];
  house.clock.advance(1_000 * hourMs);
  await house.forget();
  expect(await house.left()).toEqual(seqs);
});

test("forget() takes away done jobs when they are old enough, and no others", async () => {
  const house = aHouse({ doneMs: 2 * hourMs });
  const done = await house.add("done");
  const others = [await house.add("cancelled"), await house.add("none")];
  await house.forget();
  expect(await house.left()).toEqual([done, ...others]);
  house.clock.advance(hourMs);
  await house.forget();
  expect(await house.left()).toEqual(others);
});

test("forget() has its own time for failed and cancelled jobs, and for types", async () => {
  const house = aHouse({ failedMs: hourMs, msByType: new Map([["quick", hourMs / 2]]) });
  const done = await house.add("done");
  await house.add("cancelled");
  await house.add("done", "quick");
  await house.add("cancelled", "quick");
  await house.forget();
  expect(await house.left()).toEqual([done]);
});

test("forget() looks behind those that are kept for ever, page by page", async () => {
  const house = aHouse({ failedMs: hourMs });
  const kept: number[] = [];
  for (let n = 0; n < 600; n += 1) kept.push(await house.add("done"));
  await house.add("cancelled");
  await house.forget();
  expect(await house.left()).toEqual(kept);
});

test("forget() takes the oldest settled jobs away until the bytes fit, and not one more", async () => {
  const house = aHouse({ bytesMax: 3_000 });
  const running = await house.add("none");
  await putStep(house.jobs, running, claimBy("w"));
  const seqs: number[] = [];
  for (let n = 0; n < 5; n += 1) seqs.push(await house.add("done", "", String(n).repeat(999)));
  expect(await house.jobs.bytesKept()).toBe(5_001);
  await house.forget();
  expect(await house.left()).toEqual([running, ...seqs.slice(3)]);
  expect(await house.jobs.bytesKept()).toBe(2_001);
});

test("forget() ends when what is left belongs to jobs that are not settled", async () => {
  const house = aHouse({ bytesMax: 1 });
  const waiting = [await house.add("none"), await house.add("none")];
  await house.add("done");
  await house.forget();
  expect(await house.left()).toEqual(waiting);
});

test("forget() leaves a job that changed since it was read", async () => {
  const house = aHouse({ failedMs: hourMs });
  const seq = await house.add("cancelled");
  const { settled } = house.jobs;
  house.jobs.settled = async (after, limit) => {
    const page = await settled(after, limit);
    await putStep(house.jobs, seq, { do: "retry", at: now });
    return page;
  };
  await house.forget();
  expect(await house.left()).toEqual([seq]);
});

test("forget() forgets what is told of jobs that were deleted long ago, and remembers how far", async () => {
  const house = aHouse({});
  for (let n = 0; n < 3; n += 1) await removeJob(house.jobs, await house.add("none"));
  for (let n = 0; n < forgottenEventsKeptCount; n += 1) await house.add("none");
  house.clock.advance(1);
  await house.forget();
  expect((await house.jobs.events(0, 10)).map(({ change }) => change)).not.toContain("deleted");
  expect(await house.jobs.setting(forgottenEventSetting)).toBe("6");
});

test("forget() ends soon after its signal", async () => {
  const house = aHouse({ doneMs: 1, failedMs: 1 });
  const seqs: number[] = [];
  for (let n = 0; n < 300; n += 1) seqs.push(await house.add("cancelled"));
  await house.forget(AbortSignal.abort());
  expect(await house.left()).toEqual(seqs);
});
