// What becomes of attempts when the connection of a v2 worker ends, and when it comes back.

import { expect, test } from "bun:test";
import { lostMsMin, lostMsMinAfterStart, pongMsMax } from "../../../src/domain/limits.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, settle } from "../../support/a-broker.ts";
import { aBrokerWorker, proofOf, type BrokerWorker } from "../../support/broker-worker.ts";

async function aGrid(...how: Parameters<typeof aBroker>) {
  const grid = aBroker(...how);
  await grid.broker.start();
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      grid.clock.advance(Math.min(left, 5_000));
      await settle();
    }
  };
  await pass(lostMsMinAfterStart); // Until then nobody is lost.
  return {
    ...grid,
    pass,
    async statusOf(key: string) {
      const { status, attempt, crashes } = await grid.broker.get({ by: "key", key });
      return `${status} n=${attempt?.n ?? 0} crashes=${crashes}`;
    },
    async changes(key: string) {
      const { events } = await grid.broker.history({ by: "key", key });
      return events.map(({ change }) => change).join(" ");
    },
    worker: (id?: string) => aBrokerWorker(grid.broker, id),
  };
}
type Grid = Awaited<ReturnType<typeof aGrid>>;

/** A worker that has confirmed one job, `a`. */
async function atWork(grid: Grid, state: "queued" | "running" = "running"): Promise<BrokerWorker> {
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await worker.say("beat", { holding: [[worker.job().job, 1, state]] });
  return worker;
}

type HeldState = "queued" | "running" | "finished" | "failed";
const held = (worker: BrokerWorker, state: HeldState) => ({ ...proofOf(worker.job()), state });

test("a connection that ends decides nothing about what was confirmed", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  await worker.closed();
  await grid.pass(lostMsMin - 1_000);
  expect(await grid.changes("a")).toBe("submitted claimed");
  await grid.pass(1_001);
  expect(await grid.statusOf("a")).toBe("pending n=1 crashes=1");
  expect(await grid.changes("a")).toBe("submitted claimed lost");
});

test("a worker is waited for as long as it had computed, at most as long as its type allows", async () => {
  const grid = await aGrid([aType({ resumeGraceMs: 200_000 })]);
  const worker = await atWork(grid);
  const stay = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10_000) {
      await grid.pass(10_000);
      worker.connection.signOfLife();
    }
  };
  await stay(100_000);
  await worker.closed();
  await grid.pass(99_000);
  expect(await grid.changes("a")).toBe("submitted claimed");
  await grid.pass(1_001);
  expect(await grid.changes("a")).toBe("submitted claimed lost");

  const second = grid.worker();
  await second.join();
  await second.say("started", { job: second.job().job, attempt: 2 });
  for (let count = 0; count < 50; count += 1) {
    await grid.pass(10_000);
    second.connection.signOfLife();
  }
  await second.closed();
  await grid.pass(199_000);
  expect(await grid.statusOf("a")).toBe("running n=2 crashes=1");
  await grid.pass(1_001);
  expect(await grid.statusOf("a")).toBe("pending n=2 crashes=2");
});

test("a type that waits for a moment only has its jobs again after that moment", async () => {
  const grid = await aGrid([aType({ resumeGraceMs: 2_000 })]);
  const worker = await atWork(grid);
  await grid.pass(40_000); // Connected and silent it is suspected, and lost later.
  expect(await grid.changes("a")).toBe("submitted claimed lost");
  await worker.say("beat", { holding: [[worker.job().job, 1, "running"]] });
  await worker.closed();
  await grid.pass(1_999);
  expect(await grid.changes("a")).toBe("submitted claimed lost reopened");
  await grid.pass(2);
  expect(await grid.changes("a")).toBe("submitted claimed lost reopened lost");
});

test("what was never confirmed waits for its worker when the connection ends; what did not run is not charged", async () => {
  const grid = await aGrid();
  await grid.submit("b");
  const unconfirmed = grid.worker("x");
  await unconfirmed.join();
  await unconfirmed.closed();
  await grid.pass(lostMsMin - 1);
  expect(await grid.changes("b")).toBe("submitted claimed");
  await grid.pass(2);
  expect(await grid.changes("b")).toBe("submitted claimed not_delivered");
  const waiting = grid.worker("y");
  await waiting.join();
  await waiting.say("beat", { holding: [[waiting.job().job, 2, "queued"]] });
  await waiting.closed();
  await grid.pass(lostMsMin + 1);
  expect(await grid.changes("b")).toBe("submitted claimed not_delivered claimed lost");
  expect(await grid.statusOf("b")).toBe("pending n=2 crashes=0");
});

test("what was never confirmed goes to others at once when its worker comes back without it, or said bye", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const torn = grid.worker("x");
  await torn.join();
  await torn.closed();
  const back = grid.worker("x");
  await back.join();
  expect(await grid.changes("a")).toBe("submitted claimed not_delivered claimed");
  await back.say("bye");
  await back.closed();
  expect(await grid.changes("a")).toBe("submitted claimed not_delivered claimed not_delivered");
});

test("a result that was on its way when the connection was torn is not computed again", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const torn = grid.worker("x");
  await torn.join();
  const job = torn.job();
  await torn.closed();
  const other = grid.worker("y");
  await other.join();
  const back = grid.worker("x");
  await back.join(1, {}, [{ ...proofOf(job), state: "finished" }]);
  await back.result("A", job);
  expect(await grid.changes("a")).toBe("submitted claimed completed");
});

const verdicts = [
  // What the server knows, what the worker says, what it hears.
  ["open", "queued running", "continue"],
  ["open", "finished failed", "deliver"],
  ["lost", "queued running", "continue"],
  ["lost", "finished failed", "deliver"],
  ["other", "finished", "deliver"],
  ["other", "queued running failed", "abandon"],
  ["done", "queued running finished failed", "abandon"],
  ["deleted", "queued running finished failed", "abandon"],
  ["retried", "queued running finished failed", "abandon"],
  ["cancelled", "queued running finished failed", "cancel"],
  ["failed", "queued running finished failed", "abandon"],
  ["timed out", "queued running", "abandon"],
  ["wrong token", "queued running finished failed", "abandon"],
  ["no such attempt", "queued running finished failed", "abandon"],
  ["no such job", "queued running finished failed", "abandon"],
] as const;

/** Brings the job `a`, whose attempt 1 the worker has, to where the row begins. */
async function bring(grid: Grid, known: (typeof verdicts)[number][0]): Promise<void> {
  const a = { by: "key", key: "a" } as const;
  const { broker } = grid;
  const byOther = async () => {
    await grid.pass(lostMsMin + 1);
    const other = grid.worker("other");
    await other.join();
    return other;
  };
  switch (known) {
    case "lost":
      return grid.pass(lostMsMin + 1);
    case "other":
      return void (await byOther());
    case "done":
      return (await byOther()).result("A");
    case "failed":
      return (await byOther()).fail({ retryable: false });
    case "timed out":
      return grid.pass(700_000);
    case "cancelled":
      return void (await broker.cancel(a));
    case "retried":
      await broker.cancel(a);
      return void (await broker.retry(a));
    case "deleted":
      return void (await broker.remove(a, { force: true }));
    default:
  }
}

for (const [known, states, verdict] of verdicts) {
  for (const state of states.split(" ") as HeldState[]) {
    test(`an attempt that is ${state} for its worker and ${known} for the server: ${verdict}`, async () => {
      const type = known === "timed out" ? aType({ timeoutMs: 1_000 }) : aType();
      const grid = await aGrid([type]);
      const worker = await atWork(grid);
      await worker.closed();
      await bring(grid, known);
      const line = { ...held(worker, state) };
      if (known === "wrong token") line.token = "0".repeat(64);
      if (known === "no such attempt") line.attempt = 7;
      if (known === "no such job") line.job = crypto.randomUUID();
      const again = grid.worker();
      await again.join(2, {}, [line]);
      expect(again.verdicts()).toEqual([verdict]);
      const changes = await grid.changes("a").catch(() => "gone");
      expect(changes.endsWith("reopened")).toBe(known === "lost" && state !== "failed");
    });
  }
}

test("a job that was lost is not done anew while the worker that is back delivers its result", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  await worker.closed();
  await grid.pass(lostMsMin + 1);
  const back = grid.worker();
  await back.join(2, {}, [held(worker, "finished")]);
  const other = grid.worker("other");
  await other.join(2);
  expect([...back.jobs(), ...other.jobs()]).toEqual([]);
  await back.result("A", worker.job());
  expect(await grid.changes("a")).toBe("submitted claimed lost reopened completed");
});

for (const stage of ["sent", "running"] as const) {
  test(`a worker that is connected and silent is not given the same job again: ${stage}`, async () => {
    const grid = await aGrid();
    const worker = stage === "running" ? await atWork(grid) : grid.worker();
    if (stage === "sent") await worker.join();
    if (stage === "sent") await grid.submit("a");
    await grid.pass(60_000);
    expect(worker.jobs().length).toBe(1);
    expect(await grid.statusOf("a")).toBe(`pending n=1 crashes=${stage === "sent" ? 0 : 1}`);
  });
}

test("a resumed attempt goes on in the new connection, under the same token", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  const job = worker.job();
  await worker.say("progress", { job: job.job, attempt: 1, percent: 30 });
  await worker.closed();
  await grid.submit("b");
  await grid.pass(20_000);
  const again = grid.worker();
  await again.join(1, {}, [held(worker, "running")]);
  expect(again.jobs()).toEqual([]); // It fills the window.
  expect((await grid.broker.get({ by: "key", key: "a" })).progress?.percent).toBe(30);
  await grid.pass(30_000);
  again.connection.signOfLife();
  await grid.pass(30_000);
  expect(await grid.changes("a")).toBe("submitted claimed");
  await again.result("A", job);
  expect(again.log.slice(1).toSorted()).toEqual(["job b#1", "receipt committed"]);
});

test("a result that the worker kept is delivered and counts once", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  await worker.closed();
  const again = grid.worker();
  await again.join(1, {}, [held(worker, "finished")]);
  await again.result("A", worker.job());
  expect(again.receipts()).toEqual(["1 committed"]);
  await again.closed();
  const third = grid.worker();
  await third.join(1, {}, [held(worker, "finished")]);
  expect(third.verdicts()).toEqual(["abandon"]);
});

test("what a worker does not name when it comes back it does not have", async () => {
  const grid = await aGrid();
  await grid.submit("b");
  const worker = await atWork(grid);
  await worker.closed();
  expect(await grid.statusOf("b")).toBe("running n=1 crashes=0"); // b was given first, and a waits.
  const again = grid.worker();
  await again.hello({ boot_id: "another-boot-id-1" }, []);
  expect(await grid.changes("b")).toBe("submitted claimed");
  await again.say("ready", { window: 0 });
  expect(await grid.changes("b")).toBe("submitted claimed lost");
  expect(await grid.statusOf("b")).toBe("pending n=1 crashes=1");
});

test("lists that follow the hello are answered in their order, before anything is given", async () => {
  const grid = await aGrid();
  for (const key of ["a", "b", "c"]) await grid.submit(key);
  const worker = grid.worker();
  await worker.join(2);
  const [a, b] = worker.jobs();
  const holding = [a!, b!].map(({ job }) => [job, 1, "running"]);
  await worker.say("beat", { holding });
  await worker.closed();
  const again = grid.worker();
  const line = (job: typeof a) => `${JSON.stringify({ ...proofOf(job!), state: "running" })}\n`;
  const hello = again.say(
    "hello",
    { worker_id: "w", name: "", boot_id: "the-first-boot-id", slots: 2 },
    line(a),
  );
  const more = again.say("holding", {}, line(b));
  const empty = again.say("holding", {}, "");
  await Promise.all([hello, more, empty]);
  expect(again.log).toEqual(["welcome", "held", "held"]);
  await again.say("ready", { window: 2 });
  expect(again.log).toEqual(["welcome", "held", "held"]);
  await again.result("A", a);
  expect(again.jobs().map(({ key }) => key)).toEqual(["c"]);
});

test("an attempt that is cancelled while its verdict is looked up is told so in the verdict", async () => {
  const memory = createMemoryJobStore({ batchSize: 3 });
  let gate: Promise<void> = Promise.resolve();
  const attempt: typeof memory.attempt = async (seq, n) => {
    await gate;
    return memory.attempt(seq, n);
  };
  const grid = await aGrid(undefined, { ...memory, attempt });
  const worker = await atWork(grid);
  await worker.closed();
  const open = Promise.withResolvers<void>();
  gate = open.promise;
  const again = grid.worker();
  // The second line waits for the store, and the first with it.
  const slow = { ...held(worker, "running"), attempt: 7 };
  await again.hello({}, [held(worker, "running"), slow]);
  expect(again.log).toEqual([]);
  await grid.broker.cancel({ by: "key", key: "a" });
  await settle();
  open.resolve();
  await settle();
  expect([again.log, again.verdicts()]).toEqual([["welcome"], ["cancel", "abandon"]]);
  await again.say("ready", { window: 1 });
  await again.say("ended", { job: worker.job().job, attempt: 1 });
  await grid.submit("b");
  expect(again.log).toEqual(["welcome", "job b#1"]);
});

test("a connection that ends while its verdicts are looked up leaves the attempts where they were", async () => {
  const memory = createMemoryJobStore({ batchSize: 3 });
  const gate = Promise.withResolvers<void>();
  let isShut = false;
  const find: typeof memory.find = async (ref) => {
    if (isShut && ref.by === "id") await gate.promise;
    return memory.find(ref);
  };
  const grid = await aGrid(undefined, { ...memory, find });
  const worker = await atWork(grid);
  await worker.closed();
  isShut = true;
  const again = grid.worker();
  await again.hello({}, [held(worker, "running")]);
  await again.closed();
  gate.resolve();
  await settle();
  expect(again.log).toEqual([]);
  expect(await grid.changes("a")).toBe("submitted claimed");
  await grid.pass(5_000);
  expect(await grid.changes("a")).toBe("submitted claimed");
  // It waits for the worker like any other, and not for that connection.
  isShut = false;
  const other = grid.worker();
  await other.join(0, { boot_id: "another-boot-id-1" });
  expect(await grid.changes("a")).toBe("submitted claimed lost");
});

test("a resumed attempt that is called off is told so; before ready it takes no place", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  await worker.closed();
  const again = grid.worker();
  await again.hello({}, [held(worker, "running")]);
  await grid.broker.cancel({ by: "key", key: "a" });
  await settle();
  expect(again.log).toEqual(["welcome", "cancel cancelled"]);
  await again.say("ready", { window: 1 });
  await grid.submit("b");
  expect(again.log.slice(2)).toEqual(["job b#1"]);
  await again.say("ended", { job: worker.job().job, attempt: 1 });
  await grid.submit("c");
  expect(again.jobs().length).toBe(1);
});

test("a result that is being written when the connection ends counts, and its job is given to nobody else", async () => {
  const memory = createMemoryJobStore({ batchSize: 3 });
  const gate = Promise.withResolvers<void>();
  const save: typeof memory.save = async (changes) => {
    if (changes.some(({ event }) => event.change === "completed")) await gate.promise;
    return memory.save(changes);
  };
  const grid = await aGrid(undefined, { ...memory, save });
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await worker.result("A");
  await worker.closed();
  gate.resolve();
  await settle();
  expect(await grid.changes("a")).toBe("submitted claimed completed");
});

test("what waits in the hands of a worker that is gone does not run out of time", async () => {
  const grid = await aGrid([aType({ timeoutMs: 10_000 })]);
  const worker = await atWork(grid, "queued");
  await worker.closed();
  await grid.pass(lostMsMin + 1);
  expect(await grid.changes("a")).toBe("submitted claimed lost");
});

test("the newer connection of the same process replaces the older one, with all that it holds", async () => {
  const grid = await aGrid();
  await grid.submit("b");
  const worker = await atWork(grid); // Confirmed is a alone... b was given.
  const again = grid.worker();
  await again.hello({}, [held(worker, "running")]);
  expect(worker.log.slice(-2)).toEqual([
    "bye replaced",
    "close 4409 a newer connection of this worker is there",
  ]);
  expect(again.verdicts()).toEqual(["continue"]);
  expect(grid.broker.workers().filter(({ state }) => state !== "gone").length).toBe(1);
  await worker.closed();
  await again.say("ready", { window: 1 });
  await again.result("B", worker.job());
  expect(again.receipts()).toEqual(["1 committed"]);
});

test("what was on its way to the older connection is not given to others before the newer one is heard", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join(); // It never confirms.
  const again = grid.worker();
  await again.hello({}, [held(worker, "queued")]);
  expect([again.verdicts(), await grid.changes("a")]).toEqual([["continue"], "submitted claimed"]);
});

test("a copy of a worker that lives is sent away, at once when that one answers", async () => {
  const grid = await aGrid();
  const first = grid.worker();
  await first.join();
  const copy = grid.worker();
  await copy.hello({ boot_id: "another-boot-id-1" });
  expect(first.log).toEqual(["welcome", "ping"]);
  expect(copy.log).toEqual(["close 4410 another live worker has this worker_id"]);
  await copy.closed();
  await grid.submit("a");
  expect(first.jobs().length).toBe(1);
});

test("a worker that was started anew takes the place of one that does not answer", async () => {
  const grid = await aGrid();
  const first = await atWork(grid);
  first.answersPings = false;
  const second = grid.worker();
  await second.hello({ boot_id: "another-boot-id-1" });
  expect(second.log).toEqual([]);
  await grid.pass(pongMsMax + 1);
  expect(first.log.at(-1)).toMatch(/^close 4409/);
  expect(second.log).toEqual(["welcome"]);
  await second.say("ready", { window: 1 });
  expect(await grid.changes("a")).toBe("submitted claimed lost claimed");
  await first.say("beat"); // Too late.
  expect(grid.broker.workers().filter(({ state }) => state !== "gone").length).toBe(1);
});

test("attempts found open at a start go on with whoever names them, and are lost to others uncharged", async () => {
  const memory = createMemoryJobStore({ batchSize: 3 });
  const before = await aGrid(undefined, memory);
  await before.submit("b");
  const worker = await atWork(before);
  before.broker.drain();
  const after = aBroker(undefined, memory);
  await after.broker.start();
  const again = aBrokerWorker(after.broker);
  await again.join(2, {}, [held(worker, "running")]);
  expect(again.verdicts()).toEqual(["continue"]);
  await again.result("B", worker.job());
  expect(again.receipts()).toEqual(["1 committed"]);

  const third = aBroker(undefined, memory);
  await third.broker.start();
  const stranger = aBrokerWorker(third.broker);
  await stranger.join(0, { boot_id: "another-boot-id-1" });
  const a = await third.broker.get({ by: "key", key: "a" });
  expect([a.status, a.crashes]).toEqual(["pending", 0]);
});

test("nobody is lost for two minutes after a start, and then by how long he had computed", async () => {
  const memory = createMemoryJobStore({ batchSize: 3 });
  const before = await aGrid(undefined, memory);
  await atWork(before);
  before.broker.drain();
  const after = aBroker(undefined, memory);
  after.clock.jumpWall(before.clock.now() - after.clock.now() + 300_000);
  await after.broker.start();
  const status = async () => (await after.broker.get({ by: "key", key: "a" })).status;
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 5_000) {
      after.clock.advance(Math.min(left, 5_000));
      await settle();
    }
  };
  await pass(299_000);
  expect(await status()).toBe("running");
  await pass(2_000);
  expect(await status()).toBe("pending");
});

test("a worker that says by HTTP how far it is keeps an attempt that was given up", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  const { job, token } = worker.job();
  await worker.closed();
  await grid.pass(lostMsMin + 1);
  const work = await grid.broker.openWork({ by: "id", id: job }, 1, Uint8Array.fromHex(token));
  expect(await work.progress({ percent: 50, info: null })).toBe("continue");
  expect(await grid.changes("a")).toBe("submitted claimed lost reopened");
  await grid.pass(lostMsMin - 5_000);
  expect(await work.progress({ percent: 60, info: null })).toBe("continue");
  await grid.pass(lostMsMin - 5_000);
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0");
  for (let count = 0; count < 4; count += 1) {
    await grid.pass(lostMsMin - 5_000);
    await work.progress({ percent: 70, info: null });
  }
  await grid.pass(2 * lostMsMin); // It has computed for longer than that.
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0");
  const again = grid.worker();
  await again.join(1, {}, [held(worker, "running")]);
  expect(again.verdicts()).toEqual(["continue"]);
});

test("an attempt that another live worker has is not taken from it", async () => {
  const grid = await aGrid();
  const worker = await atWork(grid);
  const thief = grid.worker("thief");
  await thief.hello({}, [held(worker, "running")]);
  expect(thief.verdicts()).toEqual(["abandon"]);
  const finished = grid.worker("finished");
  await finished.hello({}, [held(worker, "finished")]);
  expect(finished.verdicts()).toEqual(["deliver"]);
  await worker.result("A");
  expect(worker.receipts()).toEqual(["1 committed"]);
});
