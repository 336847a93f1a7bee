import { expect, test } from "bun:test";
import { bulkActionMsMax, walkPageSize } from "../../../src/domain/limits.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, settle } from "../../support/a-broker.ts";
import { aNewJob } from "../../support/builders.ts";

const always = new AbortController().signal;

/** `before` is called before each page is read, or before each save. */
async function withJobs(
  count: number,
  before: Partial<Record<"list" | "save", () => unknown>> = {},
) {
  const store = createMemoryJobStore({ batchSize: 1000 });
  await store.add(Array.from({ length: count }, (_, n) => aNewJob({ key: `k${n}`, group: "g" })));
  const jobs: JobStore = {
    ...store,
    async list(query) {
      await before.list?.();
      return store.list(query);
    },
    async save(changes) {
      await before.save?.();
      return store.save(changes);
    },
  };
  return aBroker([aType()], jobs);
}

test("actOnMany() stops when its time is over, and goes on where it stopped", async () => {
  const count = walkPageSize * 3;
  let pageCount = 0;
  const { broker, clock, jobs } = await withJobs(count, {
    list() {
      pageCount += 1;
      if (pageCount === 2) clock.advance(bulkActionMsMax);
    },
  });
  const first = await broker.actOnMany("cancel", { filter: {} }, null, always);
  expect(first).toMatchObject({
    matched: walkPageSize,
    next: { after: walkPageSize, until: count },
  });
  await jobs.add([aNewJob({ key: "later" })]);
  const rest = await broker.actOnMany("cancel", { filter: {} }, first.next, always);
  expect(rest).toEqual({
    matched: 2 * walkPageSize,
    changed: 2 * walkPageSize,
    refused: 0,
    next: null,
  });
  expect((await broker.get({ by: "key", key: "later" })).status).toBe("pending");
});

test("actOnMany() stops after the page at hand when nobody waits for it any more", async () => {
  const { broker } = await withJobs(walkPageSize + 1);
  const done = await broker.actOnMany("cancel", { filter: {} }, null, AbortSignal.abort());
  expect(done).toMatchObject({ changed: walkPageSize, next: { after: walkPageSize } });
});

test("actOnMany() decides again on a job that changed since it was read", async () => {
  let saveCount = 0;
  const { broker } = await withJobs(3, {
    async save() {
      saveCount += 1;
      if (saveCount === 1) await broker.cancel({ by: "key", key: "k1" });
    },
  });
  const done = await broker.actOnMany("cancel", { filter: {} }, null, always);
  expect(done).toEqual({ matched: 3, changed: 2, refused: 0, next: null });
  expect(saveCount).toBe(2);
});

test("actOnMany() of a group wakes workers for the jobs that it sends back", async () => {
  const { broker, connect } = await withJobs(2);
  await broker.actOnMany("cancel", { filter: { group: "g" } }, null, always);
  const worker = await connect("w");
  worker.text('{"code":1,"status":1}');
  await settle();
  expect(worker.heard.filter((text) => text.startsWith("payload"))).toEqual([]);
  const wanted = { filter: { group: "g" }, statuses: ["cancelled"] } as const;
  expect(await broker.actOnMany("retry", wanted, null, always)).toMatchObject({ changed: 2 });
  await settle();
  expect(worker.heard.filter((text) => text.startsWith("payload")).length).toBe(1);
});
