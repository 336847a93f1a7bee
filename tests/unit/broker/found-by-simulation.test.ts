// Bugs that a seed of the simulation found, each as small as it can be made.

import { expect, test } from "bun:test";
import { createMemoryBlobStore } from "../../../src/blobs/memory/memory-blob-store.ts";
import type { BlobStore } from "../../../src/blobs/blob-store.ts";
import { watchStaged } from "../../../src/broker/staged.ts";
import { GridError } from "../../../src/domain/errors.ts";
import { quarantineFailureCount, quarantineMsFirst } from "../../../src/domain/limits.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, noOptions, ready, settle } from "../../support/a-broker.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const failed = '{"code":4,"info":"it did not work"}';

/** More than is kept with the record. */
const large = "x".repeat(40_000);

const payloads = (heard: readonly string[]) => heard.filter((line) => line.startsWith("payload "));

function someBlobs(): BlobStore {
  return createMemoryBlobStore({ random: createSeededRandom(3), clock: createVirtualClock() });
}

function someJobs(): JobStore {
  return createMemoryJobStore({ batchSize: 10 });
}

/** Second by second, so that whatever a timer began can end. */
async function pass({ clock }: ReturnType<typeof aBroker>, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    await settle();
  }
}

async function submitLarge({ broker }: ReturnType<typeof aBroker>, key: string): Promise<void> {
  const limits = { sizeBytesMax: 1_000_000, contentType: null };
  const payload = await broker.stage(new Response(large).body!, limits);
  const notes = { description: null, labels: null, group: null };
  await broker.submit({ ...notes, key, type: "", priority: "batch", options: noOptions, payload });
  await settle();
}

test("submit() keeps the bytes of a job whose commit told of an error and stands all the same", async () => {
  const [jobs, blobs] = [someJobs(), someBlobs()];
  const add: JobStore["add"] = async (added) => {
    await jobs.add(added);
    throw new Error("disk I/O error");
  };
  const grid = aBroker([aType()], { ...jobs, add }, blobs);
  await grid.broker.start();
  expect(submitLarge(grid, "k")).rejects.toThrow("disk I/O error");
  await settle();
  const job = await jobs.find({ by: "key", key: "k" });
  expect(await blobs.open(job!.payload)).not.toBeNull();
});

test("submit() wakes the dispatcher though bytes that stand already could not be taken away", async () => {
  const blobs = someBlobs();
  const remove = () => Promise.reject(new Error("no such bucket"));
  const grid = aBroker([aType()], someJobs(), { ...blobs, delete: remove });
  await grid.broker.start();
  const worker = await grid.connect("w");
  worker.text(ready);
  await submitLarge(grid, "first");
  worker.bytes(bytes("result"));
  worker.text(ready);
  await submitLarge(grid, "the same bytes again");
  expect(payloads(worker.heard)).toHaveLength(2);
});

test("a payload that cannot be read just now gives the job back, and the worker a rest", async () => {
  const blobs = someBlobs();
  let isBroken = true;
  const open: BlobStore["open"] = (ref, range) =>
    isBroken ? Promise.reject(new Error("too many open files")) : blobs.open(ref, range);
  const grid = aBroker([aType()], someJobs(), { ...blobs, open });
  await grid.broker.start();
  const worker = await grid.connect("w");
  worker.text(ready);
  await submitLarge(grid, "k");
  const [standing] = (await grid.broker.list(everything)).items;
  expect([standing?.status, standing?.attempt?.n, standing?.failures]).toEqual(["pending", 1, 0]);
  isBroken = false;
  grid.clock.advance(1_000);
  await settle();
  expect(payloads(worker.heard)).toHaveLength(1);
});

const everything = { filter: {}, order: "oldest", limit: 10, after: null } as const;

test("a job cancelled while its payload is read leaves no lease, and no alarm that never rests", async () => {
  const blobs = someBlobs();
  let goOn = () => {};
  const open: BlobStore["open"] = async (ref, range) => {
    await new Promise<void>((resolve) => (goOn = resolve));
    return blobs.open(ref, range);
  };
  const grid = aBroker([aType({ timeoutMs: 10 })], someJobs(), { ...blobs, open });
  await grid.broker.start();
  const worker = await grid.connect("w");
  worker.text(ready);
  await submitLarge(grid, "k");
  await grid.broker.cancel({ by: "key", key: "k" });
  goOn();
  await settle();
  expect((await grid.broker.stats()).workers.busy).toBe(0);
  expect(payloads(worker.heard)).toEqual([]);
  expect(grid.broker.workers().map(({ state }) => state)).toEqual(["ready"]);
});

test("a job that waits for a worker set aside is given to it when its time is over", async () => {
  const grid = aBroker();
  await grid.broker.start();
  const bad = await grid.connect("bad");
  const other = await grid.connect("other");
  for (let job = 0; job < quarantineFailureCount; job += 1) await grid.submit(`k${job}`);
  for (let job = 0; job < quarantineFailureCount; job += 1) {
    bad.text(ready);
    await settle();
    bad.text(failed);
    await settle();
  }
  bad.text(ready);
  await settle();
  other.closed();
  await settle();
  expect(grid.broker.workers().find(({ id }) => id === "bad")?.state).toBe("quarantined");
  const before = payloads(bad.heard).length;
  grid.clock.advance(60_000);
  await settle();
  expect(payloads(bad.heard)).toHaveLength(before);
  await pass(grid, quarantineMsFirst);
  expect(payloads(bad.heard).length).toBeGreaterThan(before);
});

test("a job that avoids the only worker left is given to it as soon as the other leaves", async () => {
  const grid = aBroker();
  await grid.broker.start();
  const first = await grid.connect("first");
  const unsure = await grid.connect("unsure");
  await grid.submit("k");
  first.text(ready);
  await settle();
  first.closed();
  await settle();
  const again = await grid.connect("first");
  again.text(ready);
  await settle();
  expect(payloads(again.heard)).toEqual([]);
  unsure.closed();
  await settle();
  expect(payloads(again.heard)).toEqual(["payload k"]);
});

test("the deadline of a job that came back from a worker is kept, though nothing else happens", async () => {
  const grid = aBroker();
  await grid.broker.start();
  const worker = await grid.connect("w");
  await grid.submit("k", { options: { deadline: grid.clock.now() + 20_000 } });
  worker.text(ready);
  await settle();
  // The alarm rings for another job while this one runs, and finds no deadline to be set for.
  await grid.submit("other", { options: { notBefore: grid.clock.now() + 1_000 } });
  await pass(grid, 6_000);
  worker.closed();
  await settle();
  await pass(grid, 15_000);
  const { status, info } = await grid.broker.get({ by: "key", key: "k" });
  expect([status, info]).toEqual(["failed", "Its deadline passed before it could run."]);
});

test("what a worker reports while the database is full is written as soon as there is room", async () => {
  const jobs = someJobs();
  let isFull = false;
  const save: JobStore["save"] = (changes) =>
    isFull ? Promise.reject(new GridError("disk-low", "full")) : jobs.save(changes);
  const grid = aBroker([aType()], { ...jobs, save });
  await grid.broker.start();
  const [done, lost] = [await grid.connect("done"), await grid.connect("lost")];
  const seqs = [await grid.submit("k1"), await grid.submit("k2")];
  done.text(ready);
  lost.text(ready);
  await settle();
  isFull = true;
  done.bytes(bytes("result"));
  lost.closed();
  await pass(grid, 5_000);
  isFull = false;
  grid.clock.advance(1_000);
  await settle();
  const statuses = seqs.map(async (seq) => (await jobs.find({ by: "seq", seq }))?.status);
  expect(await Promise.all(statuses)).toEqual(["done", "pending"]);
});

test("small bytes that went with their job are forgotten, which is no error of ours", async () => {
  const grid = aBroker();
  await grid.broker.start();
  const seq = await grid.submit("k");
  const { payload } = await grid.broker.get({ by: "seq", seq });
  await grid.broker.remove({ by: "seq", seq }, { force: true });
  expect(grid.broker.open(payload)).rejects.toThrow("no longer kept");
});

test("bytes whose deletion failed are the collector's, not held for ever", async () => {
  const blobs = someBlobs();
  const remove = () => Promise.reject(new Error("no such bucket"));
  const staged = watchStaged({ jobs: someJobs(), blobs: { ...blobs, delete: remove } });
  const { name } = await staged.blobs.put(new Response(large).body!, 1_000_000);
  expect(staged.isHeld(name)).toBe(true);
  await staged.blobs.delete(name).catch(() => {});
  expect(staged.isHeld(name)).toBe(false);
});
