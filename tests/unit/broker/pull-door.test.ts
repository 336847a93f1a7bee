import { expect, test } from "bun:test";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import type { PullRequest, Pulled } from "../../../src/broker/pull-door.ts";
import type { PulledWork } from "../../../src/broker/pull-work.ts";
import type { NewContent } from "../../../src/domain/blob-ref.ts";
import { GridError } from "../../../src/domain/errors.ts";
import { pullWaiterCountMax } from "../../../src/domain/limits.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, noOptions, ready, settle } from "../../support/a-broker.ts";

type Grid = ReturnType<typeof aBroker>;

const bytes = (text: string): NewContent => {
  const inline = new TextEncoder().encode(text);
  return { sha256: sha256Hex(inline), size: inline.length, name: "", contentType: null, inline };
};

/** Makes a call; `pulled` is what it brought so far. */
function call(grid: Grid, given: Partial<PullRequest> & { readonly id?: string } = {}) {
  const { id = "w", ...asked } = given;
  const stop = new AbortController();
  const seen: { pulled: Pulled | null | "waiting"; stop: AbortController; error: unknown } = {
    pulled: "waiting",
    stop,
    error: null,
  };
  const request: PullRequest = {
    type: "",
    worker: { id, name: id },
    address: "127.0.0.1",
    leaseMs: 60_000,
    waitMs: 30_000,
    claim: null,
    ...asked,
  };
  grid.broker.pull(request, stop.signal).then(
    (pulled) => (seen.pulled = pulled),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

async function pull(grid: Grid, given: Parameters<typeof call>[1] = {}): Promise<Pulled> {
  const { pulled } = await settled(call(grid, given));
  if (pulled === null || pulled === "waiting") throw new Error(`It is ${pulled}.`);
  return pulled;
}

async function settled<T>(value: T): Promise<T> {
  await settle();
  return value;
}

const open = (grid: Grid, { job, token }: Pulled): Promise<PulledWork> =>
  grid.broker.openWork({ by: "seq", seq: job.seq }, job.attempt.n, token);

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof GridError ? error.code : String(error);
}

/** Time passes, and what it makes due is done. */
async function pass(grid: Grid, ms: number): Promise<void> {
  for (const step of [ms, 0]) {
    grid.clock.advance(step); // The alarm asks for its next ring only after this one.
    await settle();
  }
}

const get = (grid: Grid, key: string) => grid.broker.get({ by: "key", key });

async function aGrid(...given: Parameters<typeof aBroker>): Promise<Grid> {
  const grid = aBroker(...given);
  await grid.broker.start();
  grid.clock.advance(0); // The first look at what is due.
  return settled(grid);
}

test("pull() brings a job that is ready, with its bytes and the proof of its attempt [GL-37]", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const pulled = await pull(grid, { leaseMs: 5_000 });
  expect(pulled).toMatchObject({ job: { key: "a", status: "running" }, leaseMs: 5_000 });
  expect(new TextDecoder().decode(pulled.payload as Uint8Array)).toBe("a");
  expect(pulled.token).toHaveLength(32);
  expect((await get(grid, "a")).attempt).toMatchObject({ n: 1, leaseMs: 5_000 });
});

test("pull() waits for a job, and for none longer than it was asked to [GL-37]", async () => {
  const grid = await aGrid();
  const waiting = await settled(call(grid));
  await pass(grid, 29_999);
  expect(waiting.pulled).toBe("waiting");
  await grid.submit("a");
  expect(waiting.pulled).toMatchObject({ job: { key: "a" } });
  const vain = await settled(call(grid));
  await pass(grid, 30_000);
  expect(vain.pulled).toBeNull();
});

test("pull() without patience still looks once", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const [first, second] = [call(grid, { waitMs: 0 }), call(grid, { waitMs: 0 })];
  await pass(grid, 0);
  expect([first.pulled, second.pulled]).toMatchObject([{ job: { key: "a" } }, null]);
});

/** A store whose next moves, or reads of bytes, wait until they are let go. */
function slowJobs(what: "moves" | "bytes") {
  const jobs = createMemoryJobStore({ batchSize: 3 });
  let gate: Promise<void> | null = null;
  const save: typeof jobs.save = async (changes) => {
    if (what === "moves") await gate;
    return jobs.save(changes);
  };
  const inline: typeof jobs.inline = async (content) => {
    if (what === "bytes") await gate;
    return jobs.inline(content);
  };
  return {
    jobs: { ...jobs, save, inline },
    hold() {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      return held.resolve;
    },
  };
}

test("pull() answers with a job whose claim was under way when the time was up", async () => {
  const { jobs, hold } = slowJobs("moves");
  const grid = await aGrid([aType()], jobs);
  await grid.submit("a");
  const letGo = hold();
  const waiting = await settled(call(grid));
  await pass(grid, 30_000);
  expect(waiting.pulled).toBe("waiting");
  letGo();
  await settle();
  expect(waiting.pulled).toMatchObject({ job: { key: "a" } });
});

test.each(["moves", "bytes"] as const)(
  "pull() gives a job back uncharged when its caller vanished while %s were slow",
  async (what) => {
    const { jobs, hold } = slowJobs(what);
    const grid = await aGrid([aType()], jobs);
    const seq = await grid.submit("a");
    const letGo = hold();
    const vanished = await settled(call(grid));
    vanished.stop.abort();
    letGo();
    await settle();
    expect(vanished.pulled).toBeNull();
    expect(await get(grid, "a")).toMatchObject({ status: "pending", crashes: 0, failures: 0 });
    const history = await grid.jobs.history(seq);
    expect(history.map(({ change }) => change)).toEqual(["submitted", "claimed", "not_delivered"]);
    expect((await pull(grid)).job.attempt.n).toBe(2);
  },
);

test("pull() takes no job for a caller that has gone, and leaves no timer and no seat", async () => {
  const grid = await aGrid();
  const timers = grid.clock.timerCount();
  const gone = await settled(call(grid));
  expect(grid.broker.workers()).toMatchObject([{ id: "w", state: "ready", protocol: "pull" }]);
  gone.stop.abort();
  await grid.submit("a");
  expect(gone.pulled).toBeNull();
  expect(grid.broker.workers()).toEqual([]);
  expect(grid.clock.timerCount()).toBeLessThanOrEqual(timers);
  expect(await get(grid, "a")).toMatchObject({ status: "pending", attempt: null });
});

test("pull() under the same word gets the same job and token while the lease lasts", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  await grid.submit("b");
  const first = await pull(grid, { claim: "x" });
  grid.clock.advance(50_000);
  const again = await pull(grid, { claim: "x", leaseMs: 1_000 });
  expect([again.job.key, again.token, again.leaseMs]).toEqual(["a", first.token, 60_000]);
  // The repeated call was a sign of life.
  await pass(grid, 50_000);
  expect((await get(grid, "a")).status).toBe("running");
  await pass(grid, 10_001);
  expect((await pull(grid, { claim: "x" })).job).toMatchObject({ key: "a", attempt: { n: 2 } });
});

test("pull() under the same word gets another job once the first one is over", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const first = await pull(grid, { claim: "x" });
  expect(await (await open(grid, first)).complete(bytes("r"))).toBe("committed");
  await grid.submit("b");
  expect((await pull(grid, { claim: "x" })).job.key).toBe("b");
});

test("pull() keeps words of different workers apart", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  await grid.submit("b");
  await pull(grid, { claim: "x", id: "v" });
  expect((await pull(grid, { claim: "x", id: "w" })).job.key).toBe("b");
});

test("pull() ends a call under the same word that still waits, and one job goes to the later", async () => {
  const grid = await aGrid();
  const former = await settled(call(grid, { claim: "x" }));
  const later = await settled(call(grid, { claim: "x" }));
  expect([former.pulled, later.pulled]).toEqual([null, "waiting"]);
  await grid.submit("a");
  await grid.submit("b");
  expect(later.pulled).toMatchObject({ job: { key: "a" } });
  expect((await get(grid, "b")).status).toBe("pending");
});

test("pull() remembers a word whose caller vanished after the job was given", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const vanished = await settled(call(grid, { claim: "x" }));
  vanished.stop.abort();
  await settle();
  expect((await get(grid, "a")).status).toBe("running");
  expect((await pull(grid, { claim: "x" })).job.attempt.n).toBe(1);
});

test("pull() fails a job whose payload is gone, and waits for another", async () => {
  const grid = await aGrid();
  const name = `${"a".repeat(64)}.${"0".repeat(16)}`;
  const payload = { sha256: "a".repeat(64), size: 9, name, contentType: null, inline: null };
  const damaged = { key: "d", type: "", priority: "batch", options: noOptions, payload } as const;
  const nothing = { description: null, labels: null, group: null };
  await grid.broker.submit({ ...damaged, ...nothing });
  await grid.submit("b");
  expect((await pull(grid)).job.key).toBe("b");
  expect(await get(grid, "d")).toMatchObject({ status: "failed", reason: "payload_damaged" });
});

test("pull() serves its type alone", async () => {
  const grid = await aGrid([aType({ name: "s" }), aType({ name: "t" })]);
  await grid.submit("a", { type: "s" });
  await grid.submit("b", { type: "t" });
  expect((await pull(grid, { type: "t" })).job.key).toBe("b");
});

test("pull() has a bound on those who wait", async () => {
  const grid = await aGrid();
  const calls = Array.from({ length: pullWaiterCountMax }, (_, i) => call(grid, { id: `w${i}` }));
  const refused = await settled(call(grid));
  expect(refused.error).toMatchObject({ code: "overloaded" });
  for (const { stop } of calls) stop.abort();
  await grid.submit("a");
  expect((await pull(grid)).job.key).toBe("a");
});

test("a lease that is not renewed ends, charged as a crash; signs of life put its end off", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const pulled = await pull(grid, { leaseMs: 10_000 });
  const work = await open(grid, pulled);
  for (let count = 0; count < 5; count += 1) {
    await pass(grid, 9_000);
    expect(await work.progress({ percent: count, info: null })).toBe("continue");
  }
  expect((await get(grid, "a")).progress).toEqual({ percent: 4, info: null });
  expect(await work.progress({ percent: null, info: null })).toBe("continue");
  expect((await get(grid, "a")).progress).toEqual({ percent: 4, info: null });
  await pass(grid, 10_001);
  expect(await get(grid, "a")).toMatchObject({ status: "pending", crashes: 1, avoid: ["w"] });
  expect(work.renew()).toBe("abandon");
});

test("progress of an attempt that was given up takes it up again while nobody else has the job", async () => {
  const grid = await aGrid();
  const seq = await grid.submit("a");
  const pulled = await pull(grid, { leaseMs: 10_000 });
  const work = await open(grid, pulled);
  await pass(grid, 10_001);
  expect(await get(grid, "a")).toMatchObject({ status: "pending", crashes: 1 });
  expect(await work.progress({ percent: 9, info: null })).toBe("continue");
  const job = await get(grid, "a");
  expect(job).toMatchObject({ status: "running", crashes: 0, avoid: [] });
  expect([job.attempt?.n, job.progress]).toEqual([1, { percent: 9, info: null }]);
  const changes = (await grid.jobs.history(seq)).map(({ change }) => change);
  expect(changes).toEqual(["submitted", "claimed", "lost", "reopened"]);
  await pass(grid, 10_001);
  expect(await get(grid, "a")).toMatchObject({ status: "pending", crashes: 1 });
  expect((await pull(grid, { id: "other" })).job.attempt.n).toBe(2);
  expect(await work.progress({ percent: 10, info: null })).toBe("abandon");
});

test("a late result wins as long as nobody was quicker, and every verdict is told", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const first = await pull(grid, { id: "v", leaseMs: 1_000 });
  await pass(grid, 1_001);
  const second = await pull(grid, { id: "w" });
  const late = await open(grid, first);
  expect(late.foregone).toBeNull();
  expect(await late.fail({ info: "x", logs: null, retryable: true })).toBe("abandon");
  expect(await late.complete(bytes("late"))).toBe("committed");
  expect(await late.complete(bytes("late"))).toBe("committed");
  expect(await late.complete(bytes("other"))).toBe("conflict");
  const slow = await open(grid, second);
  expect([slow.foregone, slow.renew()]).toEqual(["superseded", "abandon"]);
  expect(await slow.complete(bytes("late"))).toBe("superseded");
  expect(await slow.release("x")).toBe("abandon");
  expect(await get(grid, "a")).toMatchObject({ status: "done", by: 1 });
});

test("nobody waits for the work on a job that was cancelled, retried since, or deleted", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const pulled = await pull(grid, { claim: "x" });
  await grid.broker.cancel({ by: "key", key: "a" });
  const cancelled = await open(grid, pulled);
  expect([cancelled.foregone, cancelled.renew()]).toEqual(["abandon", "abandon"]);
  expect(await cancelled.complete(bytes("r"))).toBe("abandon");
  await grid.broker.retry({ by: "key", key: "a" });
  expect((await open(grid, pulled)).foregone).toBe("abandon");
  expect(await (await open(grid, pulled)).complete(bytes("r"))).toBe("abandon");
  await grid.broker.remove({ by: "key", key: "a" }, { force: true });
  const { id } = pulled.job;
  expect(await refusal(grid.broker.openWork({ by: "id", id }, 1, pulled.token))).toBe(
    "no-such-job",
  );
});

test("openWork() opens with the attempt's own token alone, and tells strangers nothing", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  await grid.submit("b");
  const [a, b] = [await pull(grid), await pull(grid)];
  const by = { by: "key", key: "a" } as const;
  const tried = [
    grid.broker.openWork(by, 1, b.token),
    grid.broker.openWork(by, 2, a.token),
    grid.broker.openWork(by, 1, new Uint8Array()),
    grid.broker.openWork(by, 1, new Uint8Array(32)),
    grid.broker.openWork({ by: "key", key: "no such key" }, 1, a.token),
    grid.broker.openWork({ by: "seq", seq: 99 }, 1, a.token),
  ];
  expect(await Promise.all(tried.map(refusal))).toEqual(Array(6).fill("forbidden"));
  expect((await grid.broker.openWork(by, 1, a.token)).job.key).toBe("a");
});

test("release() gives the job back uncharged, fail() charges it", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  expect(await (await open(grid, await pull(grid))).release("drain")).toBe("committed");
  expect(await get(grid, "a")).toMatchObject({ status: "pending", failures: 0, avoid: [] });
  const report = { info: "broken", logs: "line", retryable: true };
  expect(await (await open(grid, await pull(grid))).fail(report)).toBe("committed");
  expect(await get(grid, "a")).toMatchObject({ status: "pending", failures: 1, info: "broken" });
  await pass(grid, 60_000);
  const last = { ...report, retryable: false };
  expect(await (await open(grid, await pull(grid))).fail(last)).toBe("committed");
  expect(await get(grid, "a")).toMatchObject({ status: "failed", reason: "error" });
});

test("a restart keeps attempts with a lease open, and gives their workers two minutes to come back", async () => {
  const jobs = createMemoryJobStore({ batchSize: 3 });
  const before = await aGrid([aType()], jobs);
  await before.submit("a");
  await before.submit("b", { options: { notBefore: before.clock.now() + 10_000 } });
  const pulled = await pull(before, { leaseMs: 1_000, claim: "x" });
  const after = await aGrid([aType()], jobs);
  // A sign of life makes nothing shorter, whatever else rings the alarm meanwhile.
  expect((await open(after, pulled)).renew()).toBe("continue");
  await pass(after, 119_999);
  const work = await open(after, pulled);
  await pass(after, 999); // From here on the worker's own lease counts.
  expect((await get(after, "a")).status).toBe("running");
  expect(await work.complete(bytes("r"))).toBe("committed");
  expect((await get(after, "a")).status).toBe("done");
});

test("a restart forgets nobody who never comes back: the lease ends, charged as a crash", async () => {
  const jobs = createMemoryJobStore({ batchSize: 3 });
  const before = await aGrid([aType()], jobs);
  await before.submit("a");
  await pull(before, { leaseMs: 1_000 });
  const after = await aGrid([aType()], jobs);
  await pass(after, 120_001);
  expect(await get(after, "a")).toMatchObject({ status: "pending", crashes: 1 });
});

test("kick() ends a call that waits, and takes the job from a worker that works", async () => {
  const grid = await aGrid();
  const waiting = await settled(call(grid));
  expect(grid.broker.kick("w")).toMatchObject({ id: "w", state: "gone" });
  await settle();
  expect(waiting.pulled).toBeNull();
  await grid.submit("a");
  await pull(grid);
  expect(grid.broker.workers()).toMatchObject([{ id: "w", state: "busy", jobs: [{ attempt: 1 }] }]);
  expect((await grid.broker.stats()).workers).toMatchObject({ connected: 1, busy: 1 });
  grid.broker.kick("w");
  await settle();
  expect(await get(grid, "a")).toMatchObject({ status: "pending", crashes: 1 });
  expect(grid.broker.workers()).toEqual([]);
});

test("a worker that pulls counts as another one while it works, and not as one that could replace itself", async () => {
  const grid = await aGrid([aType({ maxCrashes: 1 })]);
  await grid.submit("busy");
  await pull(grid, { id: "v" });
  await grid.submit("a");
  const failed = await pull(grid, { id: "w" });
  await (await open(grid, failed)).fail({ info: null, logs: null, retryable: true });
  grid.clock.advance(10_000);
  // It avoids w, because v could run it when it comes back.
  const again = await settled(call(grid, { id: "w", waitMs: 20_000 }));
  expect(again.pulled).toBe("waiting");
  expect((await pull(grid, { id: "v" })).job.key).toBe("a");
  const alone = await aGrid([aType({ maxCrashes: 1 })]);
  await alone.submit("a");
  await pull(alone, { leaseMs: 1_000 });
  await pass(alone, 1_001);
  expect(await get(alone, "a")).toMatchObject({ status: "failed", reason: "crashes" });
});

test("what a worker did is counted though it has no seat while it works", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const pulled = await pull(grid);
  await pass(grid, 31_000); // The alarm has rung meanwhile.
  await (await open(grid, pulled)).complete(bytes("r"));
  await pass(grid, 6_000);
  expect(await grid.jobs.worker("w")).toMatchObject({ doneCount: 1 });
});

test("a classic worker's job goes to one that pulls when it avoids the former", async () => {
  const grid = await aGrid();
  const classic = await grid.connect("c");
  await grid.submit("a");
  classic.text(ready);
  await settle();
  classic.text('{"code":4,"info":null,"logs":null}');
  classic.text(ready);
  const waiting = await settled(call(grid, { waitMs: 60_000 }));
  await pass(grid, 10_000);
  expect(waiting.pulled).toMatchObject({ job: { key: "a", attempt: { n: 2 } } });
});

test("a job that waited for a worker that pulls goes to another one soon after that has gone", async () => {
  const grid = await aGrid();
  await grid.submit("busy");
  const busy = await pull(grid, { id: "v" });
  const classic = await grid.connect("c");
  await grid.submit("a");
  classic.text(ready);
  await settle();
  classic.text('{"code":4,"info":null,"logs":null}');
  classic.text(ready);
  await pass(grid, 10_000);
  expect((await get(grid, "a")).status).toBe("pending");
  await (await open(grid, busy)).complete(bytes("r"));
  await settle();
  expect((await get(grid, "a")).status).toBe("pending"); // v may be back in a moment.
  await pass(grid, 1_000);
  expect(await get(grid, "a")).toMatchObject({ status: "running", attempt: { n: 2 } });
});
