// The agent against a scripted server, over real sockets: jobs, their ends, what they say, cancels.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { anAgent, done, heldRunner, noisyFailure, runnerOf } from "../support/an-agent.ts";
import { sha256, startScriptedServer } from "../support/scripted-server.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("an agent greets with its token, identity and slots, and says how many jobs it will hold", async () => {
  await using server = startScriptedServer();
  await using agent = anAgent({ url: server.url, name: "lab-3", types: ["mesh"], slots: 4 });
  const line = await server.line();
  const hello = line.next("hello");
  line.send({ op: "nothing-known", of: "another version" }); // Ignored, in every state.
  const { said } = await hello;
  expect(said).toMatchObject({ name: "lab-3", types: ["mesh"], slots: 4, os: "linux" });
  expect(said.worker_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(said.boot_id).toMatch(/^[0-9a-f]{32}$/);
  expect(server.upgrades[0]?.get("x-api-key")).toBe("token-of-the-tests");
  expect(server.upgrades[0]?.get("sec-websocket-protocol")).toBe("gridlike.v2");
  expect(agent.folder).not.toBe("");
});

test("an agent runs jobs and tells results, each with token, hash and size", async () => {
  await using server = startScriptedServer();
  await using _agent = anAgent({ url: server.url, slots: 2 });
  const line = await server.line();
  expect(await line.greet()).toEqual({ held: [], window: 3 });
  const first = line.job({ payload: "abc" });
  const second = line.job({ payload: "def" });
  const results = [await line.next("result"), await line.next("result")];
  expect(results.map(({ body }) => text(body)).sort()).toEqual(["ABC", "DEF"]);
  const result = results.find(({ said }) => said.job === first.job);
  expect(result?.said).toMatchObject({
    ...first,
    size: 3,
    sha256: sha256("ABC"),
    content_type: "text/plain",
  });
  line.receipt(first);
  line.receipt(second, "superseded");
});

test("an agent runs no more jobs than slots, holds no more than its window, and gives the surplus back", async () => {
  await using server = startScriptedServer();
  const { runner, next, waitingCount } = heldRunner();
  await using _agent = anAgent({ url: server.url, slots: 1, window: 2, runner });
  const line = await server.line();
  await line.greet();
  line.job({ id: "a" });
  line.job({ id: "b" });
  line.job({ id: "c" });
  expect((await line.next("release")).said).toMatchObject({ job: "c", why: "surplus" });
  const a = await next();
  expect([a.assignment.job, a.assignment.slot, waitingCount()]).toEqual(["a", 1, 0]);
  a.end(done("x"));
  expect((await line.next("result")).said.job).toBe("a");
  const b = await next();
  expect([b.assignment.job, b.assignment.slot]).toEqual(["b", 1]);
});

test("an agent gives each job a fresh private folder and removes it after the run", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using _agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  const run = await next();
  const { directory } = run.assignment;
  expect(readdirSync(directory)).toEqual([]);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const path = join(directory, "out");
  await Bun.write(path, "from a file");
  run.end({
    kind: "done",
    result: { kind: "file", path, sizeBytes: 11 },
    contentType: null,
  });
  const result = await line.next("result");
  expect([text(result.body), result.said.sha256]).toEqual(["from a file", sha256("from a file")]);
  line.receipt(name);
  // The next job begins in another folder; by its end the first one is gone.
  line.job({});
  const second = await next();
  second.end(done(""));
  await line.next("result");
  while (existsSync(directory)) await new Promise((resolve) => setImmediate(resolve));
});

test("an agent tells a failure with its exit code, its sentence and the end of standard error", async () => {
  await using server = startScriptedServer();
  const runner = runnerOf((_, report) => {
    report.log("stderr", new TextEncoder().encode("mesh: no such file\n"));
    return Promise.resolve(noisyFailure);
  });
  await using _agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  const log = await line.next("log");
  expect([log.said.stream, log.said.offset, text(log.body)]).toEqual([
    "stderr",
    0,
    "mesh: no such file\n",
  ]);
  const { said, body } = await line.next("fail");
  expect(said).toMatchObject({ ...name, info: "It ended with 3.", exit_code: 3, retryable: true });
  expect(text(body)).toBe("mesh: no such file\n");
});

test("an agent asks once more for a payload that does not fit its hash, and does not run what fits no better", async () => {
  const asked: string[] = [];
  await using server = startScriptedServer({
    http(request) {
      asked.push(new URL(request.url).pathname);
      return new Response(request.url.includes("mended") ? "right" : "wrong again");
    },
  });
  const { runner, next, waitingCount } = heldRunner();
  await using _agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  line.job({ id: "mended", payload: "wrong", fields: { sha256: sha256("right") } });
  const { payload } = (await next()).assignment;
  expect(payload.kind === "file" && readFileSync(payload.path, "utf8")).toBe("right");
  line.job({ id: "hopeless", payload: "wrong", fields: { sha256: sha256("right") } });
  const { said } = await line.next("fail");
  expect(said).toMatchObject({ job: "hopeless", retryable: true });
  expect(said.info).toContain("does not fit its SHA-256");
  expect(new Set(asked)).toEqual(
    new Set(["/api/work/mended/1/payload", "/api/work/hopeless/1/payload"]),
  );
  expect(waitingCount()).toBe(0);
});

test("an agent stops a cancelled job and says when nothing of it runs any more", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using _agent = anAgent({ url: server.url, slots: 1, runner });
  const line = await server.line();
  await line.greet();
  const running = line.job({});
  const queued = line.job({});
  const run = await next();
  line.send({ op: "cancel", job: queued.job, attempt: 1, why: "cancelled" });
  expect((await line.next("ended")).said.job).toBe(queued.job);
  line.send({ op: "cancel", job: running.job, attempt: 1, why: "cancelled" });
  expect((await line.next("ended")).said.job).toBe(running.job);
  expect(run.stop.aborted).toBe(true);
});

test("an agent hands the time limits of a job to the runner", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using _agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  line.job({ fields: { timeout_ms: 60_000, kill_after_ms: 250 } });
  expect((await next()).assignment).toMatchObject({ timeoutMs: 60_000, killAfterMs: 250 });
  line.job({});
  expect((await next()).assignment.timeoutMs).toBeNull();
});

test("an agent beats with what it holds and how it fares", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using _agent = anAgent({ url: server.url, slots: 1, runner });
  const line = await server.line();
  await line.greet({ heartbeatMs: 20 });
  const first = line.job({});
  const second = line.job({});
  await next();
  for (;;) {
    const { said } = await line.next("beat");
    if (said.holding.length < 2) continue;
    expect(said.holding).toEqual([
      [first.job, 1, "running"],
      [second.job, 1, "queued"],
    ]);
    expect(said.vitals).toEqual({ load: 0.5 });
    return;
  }
});

test("an agent takes a job once, however often it is sent, and forgets receipts that nobody waits for", async () => {
  await using server = startScriptedServer();
  const { runner, next, waitingCount } = heldRunner();
  await using _agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  line.receipt({ job: "never-heard-of", attempt: 7 });
  line.job({ id: "a" });
  line.job({ id: "a" });
  line.receipt({ job: "a", attempt: 1 }); // It runs: there is nothing to receipt yet.
  const run = await next();
  run.end(done("x"));
  expect((await line.next("result")).said.job).toBe("a");
  expect(waitingCount()).toBe(0);
});
