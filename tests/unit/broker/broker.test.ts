import { expect, test } from "bun:test";
import { declareTypes } from "../../../src/wiring/declare-types.ts";
import { aBroker, aType, ready, settle } from "../../support/a-broker.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const payloads = (heard: readonly string[]) =>
  heard.filter((line) => line.startsWith("payload ")).map((line) => line.slice("payload ".length));

test("submit() has a waiting worker sent the job at once, without any timer [GL-42]", async () => {
  const { broker, connect, submit, clock } = aBroker();
  await broker.start();
  const worker = await connect("w");
  worker.text(ready);
  await settle();
  const startedAt = clock.now();
  await submit("first");
  expect(payloads(worker.heard)).toEqual(["first"]);
  expect(clock.now()).toBe(startedAt);
});

test("ready has the worker sent the job that waited, without any timer [GL-42]", async () => {
  const { broker, connect, submit } = aBroker();
  await broker.start();
  await submit("waiting");
  const worker = await connect("w");
  expect(payloads(worker.heard)).toEqual([]);
  worker.text(ready);
  await settle();
  expect(payloads(worker.heard)).toEqual(["waiting"]);
});

test("batch jobs wait while immediate ones wait, also one that failed and waits no more [GL-41]", async () => {
  const { broker, connect, submit, clock } = aBroker();
  await broker.start();
  await submit("batch 1");
  await submit("batch 2");
  await submit("immediate 1", { priority: "immediate" });
  await submit("immediate 2", { priority: "immediate" });
  const worker = await connect("w");
  worker.text(ready);
  await settle();
  worker.text('{"code":4,"info":"not this time"}');
  await settle();
  clock.advance(60_000);
  await settle();
  for (let job = 0; job < 4; job += 1) {
    worker.text(ready);
    await settle();
    worker.bytes(bytes("result"));
    await settle();
  }
  expect(payloads(worker.heard)).toEqual([
    "immediate 1",
    "immediate 2",
    "immediate 1",
    "batch 1",
    "batch 2",
  ]);
});

test("a job that is stuck is taken from its worker when its time is up [GL-46]", async () => {
  const { broker, connect, submit, clock } = aBroker([aType({ timeoutMs: 60_000 })]);
  await broker.start();
  const stuck = await connect("stuck");
  stuck.text(ready);
  await settle();
  const seq = await submit("long");
  clock.advance(59_000);
  await settle();
  expect((await broker.get({ by: "seq", seq })).status).toBe("running");
  clock.advance(2_000);
  await settle();
  expect(await broker.get({ by: "seq", seq })).toMatchObject({ status: "pending", failures: 1 });
  const other = await connect("other");
  other.text(ready);
  clock.advance(60_000);
  await settle();
  expect(payloads(other.heard)).toEqual(["long"]);
});

test("a result that comes after the time limit counts when nobody was first", async () => {
  const { broker, connect, submit, clock } = aBroker([aType({ timeoutMs: 1_000 })]);
  await broker.start();
  const slow = await connect("slow");
  slow.text(ready);
  await settle();
  const seq = await submit("long");
  clock.advance(2_000);
  await settle();
  slow.bytes(bytes("late"));
  await settle();
  const job = await broker.get({ by: "seq", seq });
  expect(job).toMatchObject({ status: "done", by: 1 });
});

test("workers() shows each state of a worker, and one that left for ten seconds more [GL-30] [GL-31]", async () => {
  const { broker, connect, submit, clock } = aBroker();
  await broker.start();
  const worker = await connect("w");
  const states = () => broker.workers().map(({ state }) => state);
  expect(states()).toEqual(["unsure"]);
  worker.text(ready);
  await settle();
  expect(states()).toEqual(["ready"]);
  await submit("job");
  expect(states()).toEqual(["busy"]);
  expect(broker.workers()[0]?.jobs).toEqual([{ seq: 1, attempt: 1 }]);
  worker.closed();
  await settle();
  expect(states()).toEqual(["gone"]);
  clock.advance(9_000);
  expect(states()).toEqual(["gone"]);
  clock.advance(2_000);
  expect(states()).toEqual([]);
});

test("start() gives out again what ran when the server died, and charges nobody [GL-36] [GL-51]", async () => {
  const before = aBroker();
  await before.broker.start();
  const worker = await before.connect("w");
  worker.text(ready);
  await settle();
  const seq = await before.submit("job");
  expect((await before.broker.get({ by: "seq", seq })).status).toBe("running");

  const after = aBroker([aType()], before.jobs); // Nothing of the first one is stopped: it just ends.
  await after.broker.start();
  expect(await after.broker.get({ by: "seq", seq })).toMatchObject({
    status: "pending",
    failures: 0,
    crashes: 0,
  });
  const other = await after.connect("w2");
  other.text(ready);
  await settle();
  expect(payloads(other.heard)).toEqual(["job"]);
});

test("dispatch asks the store for what is ready, never for all jobs [GL-52]", async () => {
  const { broker, connect, submit, jobs } = aBroker();
  let listCount = 0;
  const list = jobs.list;
  await broker.start();
  jobs.list = (query) => {
    listCount += 1;
    return list(query);
  };
  const worker = await connect("w");
  for (const key of ["a", "b", "c"]) await submit(key);
  for (let job = 0; job < 3; job += 1) {
    worker.text(ready);
    await settle();
    worker.bytes(bytes("result"));
    await settle();
  }
  expect(payloads(worker.heard)).toEqual(["a", "b", "c"]);
  expect(listCount).toBe(0);
});

test("batch() answers with pages of batch_size jobs of one type [GL-82]", async () => {
  const { broker, submit } = aBroker([aType({ name: "a" }), aType({ name: "b" })]);
  await broker.start();
  for (const key of ["1x", "2x", "3x", "4x"]) await submit(key, { type: "a" });
  await submit("5x", { type: "b" });
  const first = await broker.batch("a", 0);
  expect(first.jobs.map(({ key }) => key)).toEqual(["1x", "2x", "3x"]);
  expect(first.isComplete).toBe(true);
  expect(await broker.batch("a", 1)).toMatchObject({ jobs: [{ key: "4x" }], isComplete: false });
  expect(await broker.batch("b", 0)).toMatchObject({ jobs: [{ key: "5x" }], isComplete: false });
});

test("declareTypes() refuses a configuration without a type that has unfinished jobs [GL-61]", async () => {
  const { broker, submit, jobs } = aBroker([aType({ name: "old" })]);
  await broker.start();
  await submit("job", { type: "old" });
  const refused = declareTypes(jobs, [aType({ name: "new" })]);
  expect(refused).rejects.toThrow("old (1)");
  await declareTypes(jobs, [aType({ name: "new" }), aType({ name: "old" })]);
  await broker.cancel({ by: "key", key: "job" });
  await declareTypes(jobs, [aType({ name: "new" })]);
});
