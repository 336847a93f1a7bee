// What every provider promises to those who keep house: what is settled in which order, how many bytes are kept, and
// the forgetting of what is told of deleted jobs. Run by job-store.ts.

import { describe, expect, test } from "bun:test";
import type { JobStore } from "../../src/store/job-store.ts";
import { now } from "../support/a-job.ts";
import { aNewJob, largeContent, smallContent } from "../support/builders.ts";
import {
  addJob,
  claimBy,
  failOf,
  putStep,
  removeJob,
  requireJob,
  runToDone,
} from "../support/store-steps.ts";

export function describeRetention(jobs: () => JobStore): void {
  describe("keeping house", () => {
    test("settled() tells what is settled in the order it was settled, not what is under way", async () => {
      const [a, b, c, d] = await addFour(jobs());
      await runToDone(jobs(), c, smallContent("four"));
      await putStep(jobs(), a, { do: "cancel", at: now + 5, info: null });
      await putStep(jobs(), b, claimBy("w"));
      const settled = await jobs().settled(0, 10);
      expect(settled.map(({ seq, status }) => [seq, status])).toEqual([
        [c, "done"],
        [a, "cancelled"],
      ]);
      expect(settled.map(({ at, bytes, type }) => [at, bytes, type])).toEqual([
        [now, "payload".length + 4, ""],
        [now + 5, "payload".length, ""],
      ]);
      expect((await requireJob(jobs(), c)).revision).toBe(settled[0]!.revision);
      expect(await jobs().settled(settled[0]!.place, 10)).toEqual(settled.slice(1));
      expect(await jobs().settled(0, 1)).toEqual(settled.slice(0, 1));
      expect(d).toBe(4);
    });

    test("settled() lets go of a job that is tried again or deleted", async () => {
      const [a, b] = await addFour(jobs());
      for (const seq of [a, b]) {
        await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
      }
      await putStep(jobs(), a, { do: "retry", at: now });
      await removeJob(jobs(), b);
      expect(await jobs().settled(0, 10)).toEqual([]);
    });

    test("bytesKept() counts all bytes once, and those of deleted jobs no more", async () => {
      expect(await jobs().bytesKept()).toBe(0);
      const large = largeContent("large");
      const one = await addJob(jobs(), aNewJob({ payload: large }));
      const other = await addJob(jobs(), aNewJob({ payload: large }));
      const small = await addJob(jobs(), aNewJob({ payload: smallContent("12345") }));
      expect(await jobs().bytesKept()).toBe(100_005);
      await runToDone(jobs(), small, smallContent("123"));
      expect(await jobs().bytesKept()).toBe(100_008);
      await removeJob(jobs(), one);
      expect(await jobs().bytesKept()).toBe(100_008);
      await removeJob(jobs(), other);
      await removeJob(jobs(), small);
      expect(await jobs().bytesKept()).toBe(0);
    });

    test("forgetEvents() forgets what is told of deleted jobs, oldest first, and never the newest", async () => {
      const seqs = await addFour(jobs());
      for (const seq of seqs.slice(0, 3)) await removeJob(jobs(), seq);
      const told = async () =>
        (await jobs().events(0, 100)).map(({ seq, change }) => [seq, change]);
      expect(await told()).toEqual([
        [4, "submitted"],
        [5, "deleted"],
        [6, "deleted"],
        [7, "deleted"],
      ]);
      const which = { before: now + 1, keepCount: 1, limit: 1 };
      const nothing = { count: 0, last: null };
      expect(await jobs().forgetEvents({ ...which, before: now })).toEqual(nothing);
      expect(await jobs().forgetEvents(which)).toEqual({ count: 1, last: 5 });
      expect(await jobs().forgetEvents({ ...which, limit: 10 })).toEqual({ count: 1, last: 6 });
      expect(await jobs().forgetEvents({ ...which, limit: 10 })).toEqual(nothing);
      expect(await told()).toEqual([
        [4, "submitted"],
        [7, "deleted"],
      ]);
      expect(await jobs().lastEventSeq()).toBe(7);
    });

    test("forgetEvents() leaves the history of jobs that stand", async () => {
      const [a] = await addFour(jobs());
      await putStep(jobs(), a, claimBy("w"));
      await putStep(jobs(), a, failOf(1));
      const before = await jobs().history(a);
      await jobs().forgetEvents({ before: now + 1_000_000, keepCount: 0, limit: 100 });
      expect(await jobs().history(a)).toEqual(before);
    });
  });
}

async function addFour(jobs: JobStore): Promise<[number, number, number, number]> {
  const add = () => addJob(jobs, aNewJob());
  return [await add(), await add(), await add(), await add()];
}
