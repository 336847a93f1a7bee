// What every provider of jobs promises of listings, counts, types and the pages of a type.

import { describe, expect, test } from "bun:test";
import type { JobFilter, JobStore, PageQuery } from "../../src/store/job-store.ts";
import { aWorker, now } from "../support/a-job.ts";
import { aNewJob, anId, smallContent } from "../support/builders.ts";
import {
  addJob,
  changeOf,
  claimBy,
  putStep,
  removeJob,
  requireJob,
  runToDone,
} from "../support/store-steps.ts";

export function describeListings(jobs: () => JobStore): void {
  describe("listings", () => describeFilters(jobs));
  describe("pages of a listing", () => describePages(jobs));
  describe("counts and types", () => describeCounts(jobs));
  describe("batches", () => describeBatches(jobs));
}

async function listKeys(jobs: JobStore, filter: JobFilter, query: Partial<PageQuery> = {}) {
  const page = await jobs.list({ filter, order: "oldest", limit: 100, after: null, ...query });
  return page.items.map((job) => job.key);
}

/** What a filter finds, after asking that count() says the same and that the other order is the reverse. */
async function found(jobs: JobStore, filter: JobFilter): Promise<readonly string[]> {
  const keys = await listKeys(jobs, filter);
  expect(await jobs.count(filter)).toBe(keys.length);
  expect(await listKeys(jobs, filter, { order: "newest" })).toEqual(keys.toReversed());
  return keys;
}

function describeFilters(jobs: () => JobStore): void {
  test("list() and count() filter by status, type, group, batch, time and parent", async () => {
    const parent = anId();
    const a = await addJob(jobs(), aNewJob({ key: "a", type: "x", group: "g" }));
    const b = await addJob(jobs(), aNewJob({ key: "b", type: "x", submittedAt: now + 1 }));
    const later = { group: "g", submittedAt: now + 2 };
    await addJob(jobs(), aNewJob({ key: "c", type: "y", ...later }));
    await addJob(jobs(), aNewJob({ key: "d", type: "x", fromId: parent }));
    await putStep(jobs(), a, claimBy("w"));
    await runToDone(jobs(), b, smallContent("r"));
    expect(await found(jobs(), {})).toEqual(["a", "b", "c", "d"]);
    expect(await found(jobs(), { status: "pending" })).toEqual(["c", "d"]);
    expect(await found(jobs(), { status: "running" })).toEqual(["a"]);
    expect(await found(jobs(), { status: "done" })).toEqual(["b"]);
    expect(await found(jobs(), { status: "failed" })).toEqual([]);
    expect(await found(jobs(), { type: "x" })).toEqual(["a", "b", "d"]);
    expect(await found(jobs(), { type: "y" })).toEqual(["c"]);
    expect(await found(jobs(), { type: "never" })).toEqual([]);
    expect(await found(jobs(), { type: "x", status: "pending" })).toEqual(["d"]);
    expect(await found(jobs(), { type: "never", status: "pending" })).toEqual([]);
    expect(await found(jobs(), { group: "g" })).toEqual(["a", "c"]);
    expect(await found(jobs(), { group: "g", type: "y" })).toEqual(["c"]);
    expect(await found(jobs(), { group: "G" })).toEqual([]);
    expect(await found(jobs(), { batch: 0, type: "x" })).toEqual(["a", "b", "d"]);
    expect(await found(jobs(), { batch: 1, type: "x" })).toEqual([]);
    expect(await found(jobs(), { batch: 0 })).toEqual(["a", "b", "c", "d"]);
    expect(await found(jobs(), { submittedAfter: now })).toEqual(["b", "c"]);
    expect(await found(jobs(), { submittedAfter: now, status: "done" })).toEqual(["b"]);
    expect(await found(jobs(), { fromId: parent })).toEqual(["d"]);
    expect(await found(jobs(), { fromId: anId() })).toEqual([]);
    expect(await found(jobs(), { fromId: "no id" })).toEqual([]);
  });

  test("list() filters by the worker of the newest attempt", async () => {
    const seqs = [];
    for (const key of ["a", "b", "c"]) seqs.push(await addJob(jobs(), aNewJob({ key })));
    const [a, b, c] = seqs as [number, number, number];
    const release = { do: "release", at: now, attempt: 1, info: "Back." } as const;
    await putStep(jobs(), a, claimBy("w"));
    await putStep(jobs(), b, claimBy("w"));
    await putStep(jobs(), b, release);
    await putStep(jobs(), b, claimBy("v"));
    await putStep(jobs(), c, claimBy("v"));
    await putStep(jobs(), c, release);
    await putStep(jobs(), c, { ...claimBy("w"), worker: { ...aWorker("w"), name: "renamed" } });
    expect(await found(jobs(), { worker: "w" })).toEqual(["a", "c"]);
    expect(await found(jobs(), { worker: "v" })).toEqual(["b"]);
    expect(await found(jobs(), { worker: "nobody" })).toEqual([]);
    expect(await found(jobs(), { worker: "w", status: "running", type: "" })).toEqual(["a", "c"]);
  });

  test("list() finds keys by their beginning, whatever characters it holds", async () => {
    const keys = ["a", "a%", "a_b", "a/1", "a/2", "aa", "b", "A", "\u{10ffff}x", "é1", "\ud7ffq"];
    await jobs().add(keys.map((key) => aNewJob({ key })));
    for (const prefix of [
      "",
      "a",
      "a%",
      "a_",
      "a/",
      "A",
      "zz",
      "\u{10ffff}",
      "é",
      "\ud7ff",
      "x%",
    ]) {
      const expected = keys.filter((key) => key.startsWith(prefix));
      expect(await found(jobs(), { keyPrefix: prefix })).toEqual(expected);
    }
  });

  test("list() finds jobs whose id is their key by its beginning", async () => {
    const ids = [anId(), anId(), anId()] as [string, string, string];
    await jobs().add(ids.map((id) => aNewJob({ id, key: id })));
    await jobs().add([aNewJob({ key: "0" }), aNewJob({ key: "0190" }), aNewJob({ key: "named" })]);
    const all = [...ids, "0", "0190", "named"];
    const prefixes = ["0", "01", "01900000", "01900000-", "01900000-0", "01900000-0000-7", "019-"];
    for (const prefix of [
      ...prefixes,
      ids[1],
      ids[1].slice(0, -1),
      `${ids[1]}0`,
      "g",
      "0190000G",
    ]) {
      const expected = all.filter((key) => key.startsWith(prefix));
      expect(await found(jobs(), { keyPrefix: prefix })).toEqual(expected);
    }
  });
}

function describePages(jobs: () => JobStore): void {
  const filters: readonly JobFilter[] = [{}, { type: "x" }, { status: "pending" }, { group: "g" }];

  test("list() pages through everything once in both orders, whatever is asked [GL-14]", async () => {
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    await jobs().add(keys.map((key) => aNewJob({ key, type: "x", group: "g" })));
    for (const filter of filters) {
      for (const order of ["oldest", "newest"] as const) {
        const seen: string[] = [];
        let after: number | null = null;
        do {
          const page = await jobs().list({ filter, order, limit: 3, after });
          expect(page.items.length).toBeLessThanOrEqual(3);
          seen.push(...page.items.map((job) => job.key));
          after = page.next;
        } while (after !== null);
        expect(seen).toEqual(order === "oldest" ? keys : keys.toReversed());
      }
    }
  });

  test("list() names no next page when the last one is just full", async () => {
    for (const key of ["a", "b"]) await addJob(jobs(), aNewJob({ key }));
    const page = await jobs().list({ filter: {}, order: "newest", limit: 2, after: null });
    expect(page).toMatchObject({ items: [{ seq: 2 }, { seq: 1 }], next: null });
  });

  test("list() goes on after a job that was taken away meanwhile", async () => {
    for (let count = 0; count < 4; count += 1) await addJob(jobs(), aNewJob({ type: "x" }));
    const query = { filter: { type: "x" }, order: "newest", limit: 2 } as const;
    const { next } = await jobs().list({ ...query, after: null });
    expect(next).toBe(3);
    await removeJob(jobs(), 3);
    const page = await jobs().list({ ...query, after: next });
    expect(page.items.map((job) => job.seq)).toEqual([2, 1]);
  });
}

function describeCounts(jobs: () => JobStore): void {
  test("counts() tells the jobs of each type in each status, through every change", async () => {
    expect(await jobs().counts()).toEqual([]);
    const first = await addJob(jobs(), aNewJob({ type: "y" }));
    const second = await addJob(jobs(), aNewJob({ type: "x" }));
    await addJob(jobs(), aNewJob({ type: "x" }));
    await putStep(jobs(), first, claimBy("a"));
    await runToDone(jobs(), second, smallContent("r"));
    expect(await jobs().counts()).toStrictEqual([
      { type: "x", status: "pending", count: 1 },
      { type: "x", status: "done", count: 1 },
      { type: "y", status: "running", count: 1 },
    ]);
    await removeJob(jobs(), second);
    expect(await jobs().counts()).toStrictEqual([
      { type: "x", status: "pending", count: 1 },
      { type: "y", status: "running", count: 1 },
    ]);
  });

  test("group() tells the jobs of a group in each status, through every change", async () => {
    expect(await jobs().group("g")).toBeNull();
    const added = [0, 1, 2, 3, 4].map((count) =>
      aNewJob({ group: "g", type: count < 3 ? "x" : "y", submittedAt: now + count }),
    );
    await jobs().add([...added, aNewJob({ group: "other" }), aNewJob()]);
    const nothing = { pending: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
    expect(await jobs().group("g")).toStrictEqual({
      counts: { ...nothing, pending: 5 },
      firstSubmittedAt: now,
      lastSubmittedAt: now + 4,
    });
    await runToDone(jobs(), 1, smallContent("r"), aNewJob({ group: "g", submittedAt: now + 9 }));
    await putStep(jobs(), 2, claimBy("a"));
    await putStep(jobs(), 3, { do: "cancel", at: now, info: null });
    await putStep(jobs(), 4, claimBy("a"));
    const fail = { do: "fail", at: now, attempt: 1, info: null, chance: 0 } as const;
    await putStep(jobs(), 4, { ...fail, retryable: false });
    const counts = { pending: 2, running: 1, done: 1, failed: 1, cancelled: 1 };
    const dates = { firstSubmittedAt: now, lastSubmittedAt: now + 9 };
    expect(await jobs().group("g")).toStrictEqual({ counts, ...dates });
    await removeJob(jobs(), 1);
    expect(await jobs().group("g")).toStrictEqual({
      counts: { ...counts, done: 0 },
      firstSubmittedAt: now + 1,
      lastSubmittedAt: now + 9,
    });
    expect((await jobs().group("other"))?.counts).toStrictEqual({ ...nothing, pending: 1 });
    expect(await jobs().group("G")).toBeNull();
  });

  test("group() of a group whose jobs are all removed is none, and may begin again", async () => {
    for (let round = 0; round < 2; round += 1) {
      const seq = await addJob(jobs(), aNewJob({ group: "a/b %\u{1f600}" }));
      expect((await jobs().group("a/b %\u{1f600}"))?.counts.pending).toBe(1);
      await removeJob(jobs(), seq);
      expect(await jobs().group("a/b %\u{1f600}")).toBeNull();
    }
  });

  test("group() counts nothing of what was refused", async () => {
    await jobs().add([aNewJob({ key: "k", group: "g" }), aNewJob({ key: "k", group: "g" })]);
    expect((await jobs().group("g"))?.counts.pending).toBe(1);
    const job = await requireJob(jobs(), 1);
    const change = changeOf(job, { do: "cancel", at: now, info: null });
    await Promise.all([jobs().save([change]), jobs().save([change])]);
    expect((await jobs().group("g"))?.counts).toMatchObject({ pending: 0, cancelled: 1 });
  });

  test("types() tells every type ever used or declared, with its jobs that are not settled", async () => {
    await jobs().declareTypes(["z", "b"]);
    const seq = await addJob(jobs(), aNewJob({ type: "b" }));
    await addJob(jobs(), aNewJob({ type: "b" }));
    await addJob(jobs(), aNewJob({ type: "b" }));
    await addJob(jobs(), aNewJob({ type: "" }));
    await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
    await putStep(jobs(), seq + 1, claimBy("a"));
    await jobs().declareTypes(["z", "c"]);
    expect(await jobs().types()).toStrictEqual([
      { name: "", unsettled: 1 },
      { name: "b", unsettled: 2 },
      { name: "c", unsettled: 0 },
      { name: "z", unsettled: 0 },
    ]);
  });
}

function describeBatches(jobs: () => JobStore): void {
  const batchOf = async (type: string) => (await jobs().add([aNewJob({ type })]))[0];

  test("add() fills the pages of each type one after the other [GL-14]", async () => {
    const pages = [];
    for (let count = 0; count < 7; count += 1) pages.push(await batchOf("x"));
    expect(pages.map((added) => added?.kind === "added" && added.batch)).toEqual([
      0, 0, 0, 1, 1, 1, 2,
    ]);
    expect(await batchOf("y")).toMatchObject({ batch: 0 });
  });

  test("isBatchFull() is true as soon as the page holds its jobs [GL-14]", async () => {
    expect(await jobs().isBatchFull("x", 0)).toBe(false);
    await batchOf("x");
    await batchOf("x");
    expect(await jobs().isBatchFull("x", 0)).toBe(false);
    await batchOf("x");
    expect(await jobs().isBatchFull("x", 0)).toBe(true);
    expect(await jobs().isBatchFull("x", 1)).toBe(false);
    expect(await jobs().isBatchFull("y", 0)).toBe(false);
  });

  test("remove() moves no job between pages and opens no full page again [GL-14]", async () => {
    for (let count = 0; count < 4; count += 1) await batchOf("x");
    await removeJob(jobs(), 2);
    await removeJob(jobs(), 4);
    expect(await jobs().isBatchFull("x", 0)).toBe(true);
    expect(await batchOf("x")).toMatchObject({ batch: 1 });
    const page = {
      filter: { type: "x", batch: 0 },
      order: "oldest",
      limit: 9,
      after: null,
    } as const;
    expect((await jobs().list(page)).items.map((job) => job.seq)).toEqual([1, 3]);
  });

  test("add() gives a refused job no place on a page [GL-14]", async () => {
    for (const key of ["a", "a", "a", "a", "b"]) await jobs().add([aNewJob({ key, type: "x" })]);
    expect(await jobs().isBatchFull("x", 0)).toBe(false);
    expect(await batchOf("x")).toMatchObject({ batch: 0 });
    expect(await jobs().isBatchFull("x", 0)).toBe(true);
  });
}
