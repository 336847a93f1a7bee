// Jobs with requirements in a whole broker: what they take of a worker is theirs until they end, whatever happens.

import { expect, test } from "bun:test";
import { aBroker, settle } from "../../support/a-broker.ts";
import { aBrokerWorker, proofOf } from "../../support/broker-worker.ts";

const resources = { cpus: 6, tags: ["x"] };

async function aGrid() {
  const grid = aBroker();
  await grid.broker.start();
  return {
    ...grid,
    ask: (key: string, requires: string) => grid.submit(key, { options: { requires } }),
    /** With room for more jobs than it has processors. */
    async worker(id = "w") {
      const worker = aBrokerWorker(grid.broker, id);
      await worker.join(8, { slots: 8, resources });
      return worker;
    },
    statusOf: async (key: string) => (await grid.broker.get({ by: "key", key })).status,
  };
}

const keysOf = (worker: Awaited<ReturnType<Awaited<ReturnType<typeof aGrid>>["worker"]>>) =>
  worker.jobs().map(({ key }) => key);

test("however a job ends, what it took of its worker is given to the next at once", async () => {
  const grid = await aGrid();
  const worker = await grid.worker();
  for (const key of ["a", "b", "c", "d", "e"]) await grid.ask(key, "cpus=4");
  expect(keysOf(worker)).toEqual(["a"]);
  await worker.result("A");
  expect(keysOf(worker)).toEqual(["a", "b"]);
  await worker.fail({ retryable: false });
  expect(keysOf(worker)).toEqual(["a", "b", "c"]);
  await grid.broker.cancel({ by: "key", key: "c" });
  await settle();
  expect(keysOf(worker)).toEqual(["a", "b", "c", "d"]);
  await grid.broker.remove({ by: "key", key: "d" }, { force: true });
  await settle();
  expect(keysOf(worker)).toEqual(["a", "b", "c", "d", "e"]);
});

test("a job that a worker gives back leaves its room, and takes it again", async () => {
  const grid = await aGrid();
  const worker = await grid.worker();
  await grid.ask("a", "cpus=4");
  await worker.say("release", { ...proofOf(worker.job()), why: "surplus" });
  expect(keysOf(worker)).toEqual(["a", "a"]);
  await grid.ask("b", "cpus=4");
  expect(await grid.statusOf("b")).toBe("pending");
});

test("a worker that comes back with its jobs has no more room than before", async () => {
  const grid = await aGrid();
  const before = await grid.worker();
  await grid.ask("a", "cpus=4");
  await before.say("started", { job: before.job().job, attempt: 1 });
  await before.closed();
  await grid.ask("b", "cpus=4");

  const after = aBrokerWorker(grid.broker);
  const held = [{ ...proofOf(before.job()), state: "running" }];
  await after.join(8, { slots: 8, resources }, held);
  expect(after.verdicts()).toEqual(["continue"]);
  expect(keysOf(after)).toEqual([]);
  await after.result("A", before.job());
  expect(keysOf(after)).toEqual(["b"]);
});

test("a worker that comes back without its jobs has all its room", async () => {
  const grid = await aGrid();
  const before = await grid.worker();
  await grid.ask("a", "cpus=4");
  await before.closed();
  const after = await grid.worker();
  expect(keysOf(after)).toEqual(["a"]);
});

test("a job that failed on the only worker with what it requires is tried there again", async () => {
  const grid = await aGrid();
  const [only, other] = [await grid.worker("only"), aBrokerWorker(grid.broker, "other")];
  await other.join(8, { slots: 8 });
  await grid.ask("a", "tag:x");
  await only.fail();
  grid.clock.advance(10_000);
  await settle();
  expect([keysOf(only), keysOf(other)]).toEqual([["a", "a"], []]);
});
