// What a broker and a v2 worker do with each other while the connection stands.

import { expect, test } from "bun:test";
import {
  frameBodyBytesMax,
  helloMsMax,
  silenceLookMs,
  suspectMs,
} from "../../../src/domain/limits.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, settle } from "../../support/a-broker.ts";
import { aBrokerWorker, proofOf } from "../../support/broker-worker.ts";

async function aGrid(...how: Parameters<typeof aBroker>) {
  const grid = aBroker(...how);
  await grid.broker.start();
  const get = (key: string) => grid.broker.get({ by: "key", key });
  return {
    ...grid,
    get,
    async statusOf(key: string) {
      const { status, attempt, crashes, failures } = await get(key);
      return `${status} n=${attempt?.n ?? 0} crashes=${crashes} failures=${failures}`;
    },
    async changes(key: string) {
      const { events } = await grid.broker.history({ by: "key", key });
      return events.map(({ change }) => change).join(" ");
    },
    /** In steps, so that what falls due on the way is done on the way. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 5_000) {
        grid.clock.advance(Math.min(left, 5_000));
        await settle();
      }
    },
    worker: (id?: string) => aBrokerWorker(grid.broker, id),
  };
}

test("a worker gets as many jobs as its window, and the next one with its outcome", async () => {
  const grid = await aGrid();
  for (const key of ["a", "b", "c", "d"]) await grid.submit(key);
  const worker = grid.worker();
  await worker.join(2);
  expect(worker.log).toEqual(["welcome", "job a#1", "job b#1"]);
  await worker.result("A", worker.jobs()[0]);
  expect(worker.log.slice(3).toSorted()).toEqual(["job c#1", "receipt committed"]);
  await worker.say("release", { ...proofOf(worker.jobs()[1]!), why: "surplus" });
  expect(await grid.changes("b")).toBe("submitted claimed released claimed");
  expect((await grid.get("a")).status).toBe("done");
});

test("a worker of types gets jobs of those alone, and only types that are known are served", async () => {
  const grid = await aGrid(["s", "t", "u"].map((name) => aType({ name })));
  await grid.submit("a", { type: "s" });
  await grid.submit("b", { type: "u" });
  await grid.submit("c", { type: "t" });
  const worker = grid.worker();
  await worker.join(5, { types: ["t", "u", "t"] });
  expect(worker.log).toEqual(["welcome", "job b#1", "job c#1"]);
  expect(grid.broker.worker("w")).toMatchObject({ types: ["t", "u"], protocol: "v2", slots: 1 });
  for (const types of [["nope"], [], ["s", "nope"], [""]]) {
    const stranger = grid.worker("stranger");
    await stranger.hello({ types });
    expect(stranger.log).toEqual(["refused no-such-type", "close 4403 no-such-type"]);
    expect(stranger.told[0]).toMatchObject({
      header: { detail: expect.stringContaining("s, t, u") },
    });
  }
});

test("a worker without types serves the unnamed one, where there are no others", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join(1, { types: [] });
  expect(worker.job().type).toBe("");
  const stranger = grid.worker("stranger");
  await stranger.hello({ types: ["s"] });
  expect(stranger.log[0]).toBe("refused no-such-type");
});

test("a job is told as its submitter made it, with the limits that hold for it", async () => {
  const grid = await aGrid([aType({ timeoutMs: 60_000 })]);
  await grid.submit("a", { priority: "immediate", options: { timeoutMs: 1_500 } });
  await grid.submit("b");
  const worker = grid.worker();
  await worker.join(2);
  const [a, b] = worker.jobs();
  expect(a).toMatchObject({ key: "a", priority: "immediate", size: 1, timeout_ms: 1_500 });
  expect(b).toMatchObject({ timeout_ms: 60_000, kill_after_ms: 5_000 });
  expect(a!.token).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.keys(a!)).not.toContain("description");
  expect(worker.told.filter(({ header }) => header.op === "job")[0]?.text).toBe("a");
});

test("a payload above the bound of a message is told by its address, and not read", async () => {
  const grid = await aGrid();
  const inline = new Uint8Array(frameBodyBytesMax + 1);
  const payload = {
    sha256: "0".repeat(64),
    size: inline.length,
    name: "",
    contentType: null,
    inline,
  };
  const about = { description: null, labels: '{"x":1}', group: null };
  const { options } = await grid.get((await grid.submit("small"), "small"));
  await grid.broker.submit({
    key: "k",
    type: "",
    priority: "batch",
    ...about,
    options,
    payload,
  });
  const worker = grid.worker();
  await worker.join(2);
  const { job, url, labels } = worker.job();
  expect([url, labels]).toEqual([`work/${job}/1/payload`, { x: 1 }]);
  expect(worker.told.at(-1)?.text).toBe("");
});

test("a failure is charged, with its logs; one that no other try mends ends the job", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  await grid.submit("b");
  await grid.submit("c");
  const worker = grid.worker();
  await worker.join(3);
  const [a, b, c] = worker.jobs();
  await worker.say("fail", { ...proofOf(a!), info: "oh" }, "the mesh is open\n");
  await worker.fail({ retryable: false, exit_code: 86, logs: "in a field" }, b);
  await worker.fail({ signal: "SIGKILL" }, c);
  expect(worker.receipts()).toEqual(["1 committed", "1 committed", "1 committed"]);
  expect(await grid.get("a")).toMatchObject({ status: "pending", failures: 1, info: "oh" });
  const info = "The command ended with exit code 86.";
  expect(await grid.get("b")).toMatchObject({ status: "failed", reason: "error", info });
  expect((await grid.get("c")).info).toBe("The command ended with signal SIGKILL.");
  const logs = async (key: string) => (await grid.broker.history({ by: "key", key })).logs;
  expect(await logs("a")).toEqual([{ attempt: 1, text: "the mesh is open\n" }]);
  expect(await logs("b")).toEqual([{ attempt: 1, text: "in a field" }]);
});

test("a result that does not fit its hash, its size or its token is refused, and the attempt stays", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  const job = worker.job();
  const right = {
    ...proofOf(job),
    id: 5,
    sha256: new Bun.CryptoHasher("sha256").update("A").digest("hex"),
  };
  await worker.say("result", { ...right, size: 1 }, "B");
  await worker.say("result", { ...right, size: 2 }, "A");
  await worker.say("result", { ...right, size: 1, token: "0".repeat(64) }, "A");
  await worker.say("fail", { ...right, token: "0".repeat(64) });
  await worker.say("release", { ...right, token: "0".repeat(64), why: "drain" });
  expect(worker.log.slice(2)).toEqual([
    "refused digest-mismatch",
    "refused digest-mismatch",
    "refused forbidden",
    "refused forbidden",
    "refused forbidden",
  ]);
  expect(worker.told.at(-1)?.header).toMatchObject({ re: 5 });
  await grid.submit("b");
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0 failures=0");
  expect(worker.jobs().length).toBe(1); // It still fills the window.
  await worker.result("A", job);
  expect(worker.log.slice(7)).toContain("receipt committed");
});

test("a result above the bounds of a message or its type is refused, and the worker may fail it", async () => {
  const grid = await aGrid([aType({ payloadBytesMax: 100 })]);
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await worker.result("x".repeat(101));
  await worker.result("x".repeat(frameBodyBytesMax + 1));
  expect(worker.log.slice(2)).toEqual(["refused payload-too-large", "refused payload-too-large"]);
  expect(worker.told.at(-2)?.header).toMatchObject({
    detail: expect.stringContaining("101 bytes; 100"),
  });
  await worker.fail({ retryable: false });
  expect(await grid.statusOf("a")).toBe("failed n=1 crashes=0 failures=1");
});

test("each of a result's verdicts is told to whom it concerns", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await worker.result("A");
  await worker.result("A");
  await worker.result("B");
  await worker.say(
    "result",
    { ...proofOf(worker.job()), token: "0".repeat(64), sha256: hashOf("A"), size: 1 },
    "A",
  );
  await worker.say("fail", { ...proofOf(worker.job()), job: crypto.randomUUID() });
  await worker.say("fail", { ...proofOf(worker.job()), job: "a" });
  expect(worker.receipts().map((line) => line.slice(2))).toEqual([
    "committed",
    "committed",
    "conflict",
    "abandon",
    "abandon",
    "abandon",
  ]);
});

function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

test("a cancelled job fills its place until the worker says that it ended", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await grid.broker.cancel({ by: "key", key: "a" });
  await grid.submit("b");
  expect(worker.log.slice(2)).toEqual(["cancel cancelled"]);
  await worker.say("ended", { job: worker.job().job, attempt: 1 });
  expect(worker.log.slice(3)).toEqual(["job b#1"]);
  await worker.say("ended", { job: crypto.randomUUID(), attempt: 1 }); // Of none that it has.
  expect(worker.jobs().length).toBe(2);
});

test("an outcome that crosses a cancel is answered, and takes its place too", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await grid.broker.cancel({ by: "key", key: "a" });
  await worker.result("A");
  await grid.submit("b");
  expect(worker.log.slice(2)).toEqual(["cancel cancelled", "receipt abandon", "job b#1"]);
});

test("a deleted job is called off, and one that ran too long as well", async () => {
  const grid = await aGrid([aType({ timeoutMs: 10_000 })]);
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await grid.broker.remove({ by: "key", key: "a" }, { force: true });
  expect(worker.log.slice(2)).toEqual(["cancel cancelled"]);
  await worker.say("ended", { job: worker.job().job, attempt: 1 });
  await grid.submit("b");
  await worker.say("started", { job: worker.job().job, attempt: 1 });
  await grid.pass(14_999); // The worker has time to end it by itself.
  expect(await grid.statusOf("b")).toBe("running n=1 crashes=0 failures=0");
  await grid.pass(2);
  expect(await grid.statusOf("b")).toBe("pending n=1 crashes=0 failures=1");
  expect(worker.log.at(-1)).toBe("cancel timeout");
});

test("the time limit counts from when the job runs, not while it waits in its worker's hands", async () => {
  const grid = await aGrid([aType({ timeoutMs: 10_000 })]);
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  const { job } = worker.job();
  for (let count = 0; count < 4; count += 1) {
    await worker.say("beat", { holding: [[job, 1, "queued"]] });
    await grid.pass(10_000);
  }
  await worker.say("beat", { holding: [[job, 1, "running"]] });
  await grid.pass(14_000);
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0 failures=0");
  await worker.say("beat", { holding: [[job, 1, "queued"]] }); // What runs does not wait again.
  await grid.pass(1_500);
  expect(await grid.changes("a")).toBe("submitted claimed timed_out");
});

test("a job that nobody confirms goes to another, charged to nobody", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  await grid.pass(20_000);
  await worker.say("beat"); // Alive, and silent about the job.
  await grid.pass(9_000);
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0 failures=0");
  await grid.pass(1_100);
  expect(await grid.statusOf("a")).toBe("pending n=1 crashes=0 failures=0");
  expect(await grid.changes("a")).toBe("submitted claimed not_delivered");
  const other = grid.worker("other");
  await other.join();
  expect(other.log).toEqual(["welcome", "job a#2"]);
  // It arrived after all, and is finished: the first result wins.
  await worker.result("late");
  expect(worker.log.at(-1)).toBe("receipt committed");
  expect(other.log.at(-1)).toBe("cancel superseded");
});

for (const [op, more] of [
  ["started", {}],
  ["progress", { percent: 1 }],
  ["log", { stream: "stdout", offset: 0 }],
] as const) {
  test(`${op} confirms a job: it is not given to another while its worker lives`, async () => {
    const grid = await aGrid();
    await grid.submit("a");
    const worker = grid.worker();
    await worker.join();
    await worker.say(op, { job: worker.job().job, attempt: 1, ...more });
    for (let count = 0; count < 20; count += 1) {
      await grid.pass(20_000);
      worker.connection.signOfLife();
    }
    expect(await grid.changes("a")).toBe("submitted claimed");
  });
}

test("a silent worker is suspected, then lost; it may go on while nobody else has its job", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join(2);
  const holding = [[worker.job().job, 1, "running"]];
  await worker.say("beat", { holding });
  await grid.pass(120_000 - suspectMs); // After a start nobody is lost for two minutes.
  await worker.say("beat", { holding });
  await grid.pass(suspectMs + silenceLookMs);
  expect(grid.broker.worker("w").state).toBe("suspect");
  await grid.submit("b");
  expect(worker.jobs().length).toBe(1);
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0 failures=0");
  await grid.pass(60_000); // As long as it had run.
  expect(await grid.statusOf("a")).toBe("pending n=1 crashes=1 failures=0");
  await worker.say("beat", { holding });
  expect(grid.broker.worker("w").state).toBe("busy");
  expect(await grid.statusOf("a")).toBe("running n=1 crashes=0 failures=0");
  expect(await grid.changes("a")).toBe("submitted claimed lost reopened");
  expect(worker.jobs().map(({ key }) => key)).toEqual(["a", "b"]);
  await worker.result("A", worker.jobs()[0]);
  expect((await grid.get("a")).status).toBe("done");
});

test("a worker that comes to its senses too late is told to end what another has", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  const holding = [[worker.job().job, 1, "running"]];
  await worker.say("beat", { holding });
  await grid.pass(300_000);
  const other = grid.worker("other");
  await other.join();
  expect(other.log).toEqual(["welcome", "job a#2"]);
  await worker.say("beat", { holding });
  expect(worker.log.at(-1)).toBe("cancel superseded");
  await other.result("A");
  expect(other.log.at(-1)).toBe("receipt committed");
  expect(worker.log.at(-1)).toBe("cancel superseded"); // Once is enough.
});

test("pings and pongs are signs of life, and confirm nothing", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  for (let count = 0; count < 10; count += 1) {
    await grid.pass(20_000);
    worker.connection.signOfLife();
  }
  expect(grid.broker.worker("w").state).toBe("busy");
  expect(await grid.changes("a")).toBe("submitted claimed not_delivered"); // Its place is still taken.
});

test("a socket that does not say who it is is closed", async () => {
  const grid = await aGrid();
  const worker = grid.worker();
  await grid.pass(helloMsMax - 1);
  expect(worker.log).toEqual([]);
  await grid.pass(silenceLookMs + 1);
  expect(worker.log).toEqual(["close 4408 no hello in time"]);
  expect(grid.broker.workers()).toEqual([]);
});

test("no timer is left when the last worker has gone", async () => {
  const grid = await aGrid();
  await grid.pass(1);
  const before = grid.clock.timerCount();
  const workers = [grid.worker("a"), grid.worker("b")];
  for (const worker of workers) await worker.join();
  expect(grid.clock.timerCount()).toBe(before + 1); // One for all of them.
  for (const worker of workers) await worker.closed();
  expect(grid.clock.timerCount()).toBe(before);
});

test("a kicked worker is told so, and its jobs are lost at once", async () => {
  const grid = await aGrid();
  for (const key of ["a", "b", "c"]) await grid.submit(key);
  const worker = grid.worker();
  await worker.join(3);
  const [a, b] = worker.jobs();
  await worker.say("beat", {
    holding: [
      [a!.job, 1, "running"],
      [b!.job, 1, "queued"],
    ],
  });
  grid.broker.kick("w");
  await settle();
  expect(worker.log.slice(-2)).toEqual(["bye kicked", "close 4403 kicked by an operator"]);
  expect(await grid.statusOf("a")).toBe("pending n=1 crashes=1 failures=0");
  expect(await grid.statusOf("b")).toBe("pending n=1 crashes=0 failures=0");
  expect(await grid.changes("c")).toBe("submitted claimed not_delivered");
  await worker.closed(); // Its end is told later.
  expect(await grid.statusOf("a")).toBe("pending n=1 crashes=1 failures=0");
});

test("a drained worker is told so, also when it comes back", async () => {
  const grid = await aGrid();
  const worker = grid.worker();
  await worker.join();
  grid.broker.drainWorker("w");
  await grid.submit("a");
  expect(worker.log).toEqual(["welcome", "drain"]);
  await worker.closed();
  const again = grid.worker();
  await again.join();
  expect(again.log).toEqual(["welcome", "drain"]);
  grid.broker.undrainWorker("w");
  await settle();
  expect(again.log.slice(2)).toEqual(["undrain", "job a#1"]);
});

test("vitals, resources and the machine are shown as they were told", async () => {
  const grid = await aGrid();
  const worker = grid.worker();
  const resources = { cpus: 8, memory_bytes: 1024, tags: ["x"] };
  await worker.join(1, { slots: 8, resources, arch: "arm64", agent: "a".repeat(500) });
  await worker.say("beat", { vitals: { load: 0.5, cpu: [1] } });
  await worker.say("beat");
  const view = grid.broker.worker("w");
  expect(view).toMatchObject({
    slots: 8,
    offers: { cpus: 8, memoryBytes: 1024, gpus: 0, tags: ["x"] },
    vitals: { load: 0.5, cpu: [1], memoryBytes: null, memoryUsedBytes: null },
    machine: { os: null, arch: "arm64", agent: "a".repeat(128) },
    name: "worker w",
  });
});

test("progress is kept, each part until there is a newer one, and cut", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  const about = { job: worker.job().job, attempt: 1 };
  await worker.say("progress", { ...about, percent: 40 });
  await worker.say("progress", { ...about, info: "x".repeat(1_000) });
  expect((await grid.get("a")).progress).toEqual({ percent: 40, info: "x".repeat(256) });
  await worker.say("progress", { ...about, attempt: 2, percent: 50 });
  expect((await grid.get("a")).progress?.percent).toBe(40);
});

test("a worker that says bye gets nothing more, and a window of 0 is none", async () => {
  const grid = await aGrid();
  const worker = grid.worker();
  await worker.join(0);
  await grid.submit("a");
  expect([worker.log, grid.broker.worker("w").state]).toEqual([["welcome"], "draining"]);
  await worker.say("ready", { window: 1 });
  await worker.say("bye", { why: "drained" });
  await grid.submit("b");
  await worker.result("A");
  expect(worker.log).toEqual(["welcome", "job a#1", "receipt committed"]);
});

test("a claim under way when the window shrinks is given back, charged to nobody", async () => {
  const gate = Promise.withResolvers<void>();
  const memory = createMemoryJobStore({ batchSize: 3 });
  const save: typeof memory.save = async (changes) => {
    if (changes.some(({ event }) => event.change === "claimed")) await gate.promise;
    return memory.save(changes);
  };
  const grid = await aGrid(undefined, { ...memory, save });
  const worker = grid.worker();
  await worker.join(1);
  await grid.submit("a");
  await worker.say("ready", { window: 0 });
  gate.resolve();
  await settle();
  expect(worker.log).toEqual(["welcome"]);
  expect(await grid.changes("a")).toBe("submitted claimed not_delivered");
});

test("a server that stops says so, and leaves the attempts as they are", async () => {
  const grid = await aGrid();
  await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  grid.broker.drain();
  worker.connection.stopping();
  await worker.closed();
  const bye = worker.told.at(-1)?.header;
  expect(bye).toMatchObject({ op: "bye", why: "restart", retry_after_ms: expect.any(Number) });
  expect(await grid.changes("a")).toBe("submitted claimed");
});

test("malformed words end the conversation with a sentence, in every state of it", async () => {
  const grid = await aGrid();
  const begin = [
    async () => {},
    async (worker: ReturnType<typeof grid.worker>) => worker.hello(),
    async (worker: ReturnType<typeof grid.worker>) => worker.join(),
  ];
  const wrong = [
    async (worker: ReturnType<typeof grid.worker>) => worker.connection.text(),
    async (worker: ReturnType<typeof grid.worker>) =>
      worker.connection.frame(new Uint8Array([1, 2, 3])),
    async (worker: ReturnType<typeof grid.worker>) => worker.connection.frame(new Uint8Array()),
    (worker: ReturnType<typeof grid.worker>) => worker.say("beat", { holding: "x" }),
    (worker: ReturnType<typeof grid.worker>) => worker.say("hello", { name: 5 }),
    (worker: ReturnType<typeof grid.worker>) => worker.say("hello", {}, "no json"),
  ];
  for (const reach of begin) {
    for (const say of wrong) {
      const worker = grid.worker(crypto.randomUUID());
      await reach(worker);
      await say(worker);
      expect(worker.log.at(-1)).toMatch(/^close 4400 .{5,}/);
      const count = worker.log.length;
      await worker.say("beat");
      await worker.closed();
      expect(worker.log.length).toBe(count);
    }
  }
  expect(grid.broker.workers().filter(({ state }) => state !== "gone")).toEqual([]);
});

test("reports that are written slowly stop the reading, and do not count as silence", async () => {
  const gate = Promise.withResolvers<void>();
  const memory = createMemoryJobStore({ batchSize: 3 });
  const find: typeof memory.find = async (ref) => {
    if (ref.by === "id") await gate.promise;
    return memory.find(ref);
  };
  const grid = await aGrid(undefined, { ...memory, find });
  const worker = grid.worker();
  await worker.join();
  const body = "x".repeat(frameBodyBytesMax);
  const about = { job: crypto.randomUUID(), attempt: 1, token: "0".repeat(64) };
  const fields = { ...about, sha256: hashOf(body), size: body.length };
  await Promise.all(Array.from({ length: 200 }, () => worker.say("result", fields, body)));
  expect(worker.log.filter((line) => line === "pause").length).toBe(1);
  await grid.pass(2 * suspectMs);
  expect(grid.broker.worker("w").state).toBe("ready");
  gate.resolve();
  await settle();
  expect(worker.log.filter((line) => line === "resume").length).toBe(1);
  expect(worker.receipts().length).toBe(200);
});

test("what a job said is forgotten in memory once it is stored with its attempt", async () => {
  const grid = await aGrid();
  const seq = await grid.submit("a");
  const worker = grid.worker();
  await worker.join();
  const about = { job: worker.job().job, attempt: 1, stream: "stdout" };
  await worker.say("log", { ...about, offset: 0 }, "said");
  const heard: string[] = [];
  const watch = () =>
    grid.broker.watchLogs(seq, ({ bytes }) => heard.push(new TextDecoder().decode(bytes)));
  watch()();
  await worker.result("A");
  await worker.say("log", { ...about, offset: 4 }, "too late");
  watch()();
  expect(heard).toEqual(["said"]);
  const { logs } = await grid.broker.history({ by: "key", key: "a" });
  expect(logs).toEqual([{ attempt: 1, text: "said" }]);
});
