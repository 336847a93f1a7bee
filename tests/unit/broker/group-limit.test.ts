// Groups that may run only so many jobs at once, and payloads that some workers cannot be given: what fits nobody
// now is passed over, and costs a claim nothing.

import { expect, test } from "bun:test";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { aBroker, aType, noOptions, ready, settle } from "../../support/a-broker.ts";
import { aNewJob } from "../../support/builders.ts";

type Setup = ReturnType<typeof aBroker>;
type Worker = Awaited<ReturnType<Setup["connect"]>>;

const ofGroup = (group: string, groupRunningMax: number | null) => ({
  group,
  options: { groupRunningMax },
});

/** Workers that are ready for a job each. */
async function crew({ connect }: Setup, names: string, type = ""): Promise<readonly Worker[]> {
  const workers: Worker[] = [];
  for (const name of names.split(" ")) {
    const worker = await connect(name, type);
    worker.text(ready);
    workers.push(worker);
  }
  await settle();
  return workers;
}

/** The worker brings a result, and is ready for the next job. */
async function finish(worker: Worker): Promise<void> {
  worker.bytes(new TextEncoder().encode("result"));
  await settle();
  worker.text(ready);
  await settle();
}

const running = async ({ broker }: Setup, group: string) =>
  broker.count({ status: "running", group });

const given = (workers: readonly Worker[]) =>
  workers.flatMap(({ heard }) =>
    heard.filter((line) => line.startsWith("payload ")).map((line) => line.slice(8)),
  );

/** A store that counts what a dispatcher asks of it. */
function counted(jobs: JobStore) {
  const asked = { calls: 0, rows: 0 };
  const counting: JobStore = {
    ...jobs,
    async ready(query) {
      const found = await jobs.ready(query);
      asked.calls += 1;
      asked.rows += found.length;
      return found;
    },
  };
  return { jobs: counting, asked };
}

test("no more jobs of a group run than its limit says, and each that ends lets the next one start", async () => {
  const setup = aBroker();
  await setup.broker.start();
  const workers = await crew(setup, "w1 w2 w3 w4");
  for (const key of ["a", "b", "c", "d", "e"]) await setup.submit(key, ofGroup("g", 2));
  expect(given(workers)).toEqual(["a", "b"]);
  await finish(workers[0]!);
  expect(given(workers).sort()).toEqual(["a", "b", "c"]);
  workers[1]!.text('{"code":4,"info":"broke"}');
  await settle();
  expect(given(workers).sort()).toEqual(["a", "b", "c", "d"]);
  expect(await running(setup, "g")).toBe(2);
});

test("workers that a full group leaves free are given other jobs, also those that came later", async () => {
  const setup = aBroker();
  await setup.broker.start();
  for (const key of ["a", "b", "c"]) await setup.submit(key, ofGroup("g", 1));
  await setup.submit("free", { priority: "batch" });
  await setup.submit("of another group", ofGroup("h", 1));
  const workers = await crew(setup, "w1 w2 w3 w4");
  expect(given(workers)).toEqual(["a", "free", "of another group"]);
});

test("the limit counts all running jobs of the group, also unlimited ones and those of other types", async () => {
  const setup = aBroker([aType({ name: "x" }), aType({ name: "y" })]);
  await setup.broker.start();
  const unlimited = { group: "g", type: "x" };
  await setup.submit("u1", unlimited);
  await setup.submit("u2", unlimited);
  const x = await crew(setup, "x1 x2", "x");
  const y = await crew(setup, "y1 y2 y3", "y");
  await setup.submit("l1", { type: "y", ...ofGroup("g", 3) });
  await setup.submit("l2", { type: "y", ...ofGroup("g", 3) });
  await setup.submit("stricter", { type: "y", ...ofGroup("g", 2) });
  expect(given(x)).toEqual(["u1", "u2"]);
  expect(given(y)).toEqual(["l1"]);
  await finish(x[0]!);
  expect(given(y).sort()).toEqual(["l1", "l2"]);
  await finish(x[1]!);
  expect(given(y)).not.toContain("stricter");
  await finish(y[0]!);
  expect(given(y)).toContain("stricter");
});

test("one round starts no more than the limit over several types at once", async () => {
  const setup = aBroker([aType({ name: "x" }), aType({ name: "y" }), aType({ name: "z" })]);
  await setup.broker.start();
  const workers = [
    ...(await crew(setup, "x1 x2", "x")),
    ...(await crew(setup, "y1 y2", "y")),
    ...(await crew(setup, "z1", "z")),
  ];
  const options = { ...noOptions, groupRunningMax: 3 };
  const types = ["x", "y", "x", "y"];
  await setup.jobs.add(types.map((type) => aNewJob({ type, group: "g", options })));
  await setup.submit("has all types looked at", { type: "z" });
  expect(given(workers)).toHaveLength(4);
  expect(await running(setup, "g")).toBe(3);
});

test("cancel() and remove() of a running job let the next one of its group start", async () => {
  const setup = aBroker();
  await setup.broker.start();
  const workers = await crew(setup, "w1 w2 w3");
  for (const key of ["a", "b", "c"]) await setup.submit(key, ofGroup("g", 1));
  await setup.broker.cancel({ by: "key", key: "a" });
  await settle();
  expect(given(workers)).toEqual(["a", "b"]);
  await setup.broker.remove({ by: "key", key: "b" }, { force: true });
  await settle();
  expect(given(workers)).toEqual(["a", "b", "c"]);
});

test("a lost worker lets the next job of the group start, or the lost one again", async () => {
  const setup = aBroker();
  await setup.broker.start();
  const workers = await crew(setup, "w1 w2");
  for (const key of ["a", "b"]) await setup.submit(key, ofGroup("g", 1));
  workers[0]!.closed();
  await settle();
  expect(await running(setup, "g")).toBe(1);
  expect(given(workers)).toEqual(["a", "a"]);
});

test("a successor is of its parent's group, and under the same limit", async () => {
  const types = [aType({ name: "x", resultBecomes: "y" }), aType({ name: "y" })];
  const setup = aBroker(types);
  await setup.broker.start();
  const [x] = await crew(setup, "x1", "x");
  const y = await crew(setup, "y1 y2", "y");
  for (const key of ["a", "b"]) await setup.submit(key, { type: "x", ...ofGroup("g", 1) });
  await finish(x!);
  expect(await running(setup, "g")).toBe(1);
  const next = await setup.broker.get({ by: "key", key: "a/y" });
  expect([next.group, next.options.groupRunningMax]).toEqual(["g", 1]);
  await finish(x!);
  expect(await running(setup, "g")).toBe(1);
  expect(given(y)).toHaveLength(1);
});

test("a limit holds over a restart: attempts with a lease go on and are counted", async () => {
  const jobs = createMemoryJobStore({ batchSize: 100 });
  const before = aBroker([aType()], jobs);
  await before.broker.start();
  for (const key of ["a", "b", "c"]) await before.submit(key, ofGroup("g", 2));
  const request = { type: "", address: "127.0.0.1", leaseMs: 30_000, waitMs: 1_000, claim: null };
  const pull = (name: string) =>
    before.broker.pull({ ...request, worker: { id: name, name } }, new AbortController().signal);
  const [first, second] = await Promise.all([pull("p1"), pull("p2")]);
  await before.broker.stop();

  const after = aBroker([aType()], jobs);
  await after.broker.start();
  const [worker] = await crew(after, "w1");
  expect(given([worker!])).toEqual([]);
  expect(await running(after, "g")).toBe(2);
  const { job, token } = first!;
  const work = await after.broker.openWork({ by: "seq", seq: job.seq }, 1, token);
  await work.fail({ info: "broke", logs: null, retryable: false });
  await settle();
  expect(given([worker!])).toEqual(["c"]);
  expect(second!.job.key).not.toBe(first!.job.key);
});

test("a job behind others of its group that avoid the free worker is found", async () => {
  const setup = aBroker();
  await setup.broker.start();
  const [one, two] = await crew(setup, "one two");
  // Two of the group fail on the first worker, and the other worker is kept busy.
  for (const key of ["a", "b"]) {
    await setup.submit(key, ofGroup("g", 1));
    if (key === "a") await setup.submit("keeps two busy");
    one!.text('{"code":4,"info":"broke"}');
    await settle();
    if (key === "a") {
      one!.text(ready);
      await settle();
    }
  }
  setup.clock.advance(60_000);
  await settle();
  expect(given([two!])).toEqual(["keeps two busy"]);
  await setup.submit("c", ofGroup("g", 1));
  await setup.submit("d", ofGroup("g", 1));
  one!.text(ready);
  await settle();
  expect(given([one!])).toEqual(["a", "b", "c"]);
});

test("a job behind others of its group that fit nobody is found when seats are left", async () => {
  const setup = aBroker();
  await setup.broker.start();
  const workers = await crew(setup, "w1 w2 w3");
  await submitLarge(setup, "large", { ...ofGroup("g", 1), size: 1_000_001 });
  await setup.submit("found", ofGroup("g", 1));
  expect(given(workers)).toEqual(["found"]);
});

test("a job behind others of its group that fit nobody keeps its place before other jobs", async () => {
  const setup = aBroker([aType(), aType({ name: "x" })]);
  await setup.broker.start();
  await crew(setup, "x1 x2 x3", "x");
  await submitLarge(setup, "large", { ...ofGroup("g", 1), size: 1_000_001 });
  await setup.jobs.add([
    aNewJob({ group: "g", options: { ...noOptions, groupRunningMax: 1 }, key: "first" }),
    aNewJob({ key: "second" }),
  ]);
  await crew(setup, "w1");
  expect((await setup.broker.get({ by: "key", key: "first" })).status).toBe("running");
  expect((await setup.broker.get({ by: "key", key: "second" })).status).toBe("pending");
});

test("20,000 jobs of a full group before it cost the claim of one job nothing", async () => {
  const costs: { calls: number; rows: number }[] = [];
  for (const blockedCount of [1, 20_000]) {
    const memory = createMemoryJobStore({ batchSize: 100 });
    const { jobs, asked } = counted(memory);
    const options = { ...noOptions, groupRunningMax: 1 };
    const blocked = Array.from({ length: blockedCount + 1 }, () =>
      aNewJob({ group: "g", options, priority: "immediate" }),
    );
    await memory.add(blocked);
    const setup = aBroker([aType()], jobs);
    await setup.broker.start();
    await crew(setup, "w1 w2");
    await setup.submit("warms up");
    Object.assign(asked, { calls: 0, rows: 0 });
    const [worker] = await crew(setup, "w3");
    expect(asked).toEqual({ calls: 0, rows: 0 });
    await setup.submit("free");
    expect(given([worker!])).toEqual(["free"]);
    costs.push({ ...asked });
  }
  expect(costs[1]).toEqual(costs[0]);
  expect(costs[1]).toEqual({ calls: 1, rows: 1 });
});

test("jobs with payloads too large for all free workers cost a claim nothing", async () => {
  const memory = createMemoryJobStore({ batchSize: 100 });
  const { jobs, asked } = counted(memory);
  const setup = aBroker([aType({ payloadBytesMax: 10_000_000 })], jobs);
  await setup.broker.start();
  for (const key of ["l1", "l2", "l3"]) await submitLarge(setup, key, { size: 2_000_000 });
  const [worker] = await crew(setup, "w1");
  expect(asked).toEqual({ calls: 0, rows: 0 });
  await setup.submit("small");
  expect(given([worker!])).toEqual(["small"]);
  expect(asked).toEqual({ calls: 1, rows: 1 });
  const pulled = await setup.broker.pull(
    {
      type: "",
      worker: { id: "p", name: "p" },
      address: "127.0.0.1",
      leaseMs: 30_000,
      waitMs: 1_000,
      claim: null,
    },
    new AbortController().signal,
  );
  expect(pulled?.job.key).toBe("l1");
});

async function submitLarge(
  { broker }: Setup,
  key: string,
  { size, group, options }: { size: number; group?: string; options?: object },
): Promise<void> {
  async function* bytes() {
    yield new Uint8Array(size);
  }
  const payload = await broker.stage(bytes(), { sizeBytesMax: size, contentType: null });
  await broker.submit({
    key,
    type: "",
    priority: "batch",
    description: null,
    labels: null,
    payload,
    group: group ?? null,
    options: { ...noOptions, ...options },
  });
  await settle();
}
