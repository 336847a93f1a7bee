// How an agent comes to its end: drained by a person or by the server, preempted, idle, after its life or its one job.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { anAgent, done, heldRunner, noisyFailure, runnerOf } from "../support/an-agent.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

const spoolOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /spool\/.+/.test(name),
  );

test("drain() gives back what waits, lets run what runs, delivers it, and says goodbye", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, slots: 1, runner });
  const line = await server.line();
  await line.greet();
  const running = line.job({});
  const queued = line.job({});
  const run = await next();
  agent.drain();
  expect((await line.next("ready")).said.window).toBe(0);
  expect((await line.next("release")).said).toMatchObject({ ...queued, why: "drain" });
  line.receipt(queued);
  const late = line.job({}); // Was under way when the window closed.
  expect((await line.next("release")).said).toMatchObject({ ...late, why: "drain" });
  line.receipt(late);
  run.end(done("x"));
  await line.next("result");
  line.receipt(running);
  expect((await line.next("bye")).said.why).toBe("drained");
  expect(await line.closed).toMatchObject({ code: 1000 });
  expect(await agent.done).toEqual({ exitCode: 0, why: "Drained." });
});

test("drain() gives back what still runs when its time is over", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, runner, drainMs: 30 });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  await next();
  agent.drain();
  expect((await line.next("release")).said).toMatchObject({ ...name, why: "drain" });
  line.receipt(name);
  expect((await agent.done).exitCode).toBe(0);
});

test("drain() while the server is away leaves results on the disk for the next start", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  line.job({});
  const run = await next();
  line.send({ op: "bye", why: "restart", retry_after_ms: 600_000 });
  line.close(1012, "restart");
  await line.closed;
  agent.drain();
  run.end(done("x"));
  agent.preempt();
  agent.preempt(); // Waits for no receipts.
  expect((await agent.done).exitCode).toBe(0);
  expect(agent.notices.at(-1)).toContain("the next start delivers them");
  expect(spoolOf(agent.folder).length).toBe(1);
});

test("preempt() gives everything back, and charges nobody", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, slots: 1, runner });
  const line = await server.line();
  await line.greet();
  const running = line.job({});
  const queued = line.job({});
  const run = await next();
  agent.preempt();
  const first = await line.next("release");
  const second = await line.next("release");
  expect(first.said).toMatchObject({ ...queued, why: "preempted" });
  expect(second.said).toMatchObject({ ...running, why: "preempted" });
  expect(run.stop.aborted).toBe(true);
  line.receipt(queued);
  line.receipt(running);
  expect((await line.next("bye")).said.why).toBe("preempted");
  expect((await agent.done).exitCode).toBe(0);
});

test("an agent that the server drains stays, and takes jobs again when it is taken back", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, slots: 1, runner });
  const line = await server.line();
  await line.greet();
  const running = line.job({});
  const queued = line.job({});
  await next();
  line.send({ op: "drain", deadline_ms: 30 });
  expect((await line.next("release")).said).toMatchObject({ ...queued, why: "drain" });
  expect((await line.next("release")).said).toMatchObject({ ...running, why: "drain" });
  line.receipt(queued);
  line.receipt(running);
  line.send({ op: "undrain" });
  const again = line.job({ attempt: 2 });
  (await next()).end(done("x"));
  expect((await line.next("result")).said).toMatchObject(again);
  line.receipt(again);
  expect(line.ops.filter((op) => op === "ready")).toHaveLength(1);
  agent.drain();
  await agent.done;
});

test("an idle agent ends after a while, but not while it has something to do", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using agent = anAgent({ url: server.url, runner, idleTimeoutMs: 60 });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  const run = await next();
  const firstEnd = Promise.race([agent.done, line.next("result")]);
  await Bun.sleep(100); // Longer than the timeout: what is to be shown is that it does not fire.
  run.end(done("x"));
  expect(await firstEnd).toHaveProperty("said");
  line.receipt(name);
  expect(await agent.done).toEqual({ exitCode: 0, why: "There was no job for a while." });
});

test("an idle agent that never reached its server says so by its exit code", async () => {
  await using agent = anAgent({ url: "http://127.0.0.1:1", idleTimeoutMs: 30 });
  expect(await agent.done).toEqual({ exitCode: 3, why: "The server was never reached." });
});

test("an agent drains when its lifetime is over", async () => {
  await using server = startScriptedServer();
  await using agent = anAgent({ url: server.url, lifetimeMs: 50 });
  const line = await server.line();
  await line.greet();
  expect((await line.next("bye")).said.why).toBe("drained");
  expect(await agent.done).toEqual({ exitCode: 0, why: "Its lifetime is over." });
});

test("an agent for one job takes one, and its exit code is the job's", async () => {
  for (const [outcome, op, exitCode] of [
    [done("x"), "result", 0],
    [noisyFailure, "fail", 1],
  ] as const) {
    await using server = startScriptedServer();
    const runner = runnerOf(() => Promise.resolve(outcome));
    await using agent = anAgent({ url: server.url, slots: 4, once: true, runner });
    const line = await server.line();
    expect((await line.greet()).window).toBe(1);
    const first = line.job({});
    await line.next(op);
    const second = line.job({});
    expect((await line.next("release")).said).toMatchObject(second);
    line.receipt(second);
    line.receipt(first);
    expect((await agent.done).exitCode).toBe(exitCode);
    expect(line.ops.filter((said) => said === "result" || said === "fail")).toHaveLength(1);
  }
});

test("an agent whose disk is full gives the job back and takes none for a while", async () => {
  await using server = startScriptedServer();
  const full: Parameters<typeof runnerOf>[0] = () =>
    Promise.resolve({ kind: "released", why: "no_space" });
  await using agent = anAgent({ url: server.url, runner: runnerOf(full) });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  expect((await line.next("ready")).said.window).toBe(0);
  expect((await line.next("release")).said).toMatchObject({ ...name, why: "no_space" });
  expect(agent.notices.join()).toContain("no room");
});

test("an agent tells a result that is too large for the server as a failure that no retry mends", async () => {
  await using server = startScriptedServer({
    async http(request) {
      await request.bytes();
      const problem = { title: "t", status: 413, code: "payload-too-large", info: {} };
      return Response.json({ ...problem, detail: "The result has 100000 bytes." }, { status: 413 });
    },
  });
  const runner = runnerOf(() => Promise.resolve(done(new Uint8Array(100_000))));
  await using agent = anAgent({ url: server.url, runner });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  const { said } = await line.next("fail");
  expect(said).toMatchObject({ ...name, info: "The result has 100000 bytes.", retryable: false });
  line.receipt(name);
  agent.drain();
  await agent.done;
  expect(spoolOf(agent.folder)).toEqual([]);
});

test("an agent offers a result again after a while that the server could not take", async () => {
  await using server = startScriptedServer();
  await using agent = anAgent({ url: server.url });
  const line = await server.line();
  await line.greet();
  const name = line.job({});
  const { header } = await line.next("result");
  line.send({ op: "refused", code: "disk-low", detail: "The disk is full.", re: header["id"]! });
  const again = await line.next("result");
  expect(again.said).toMatchObject(name);
  line.receipt(name);
  agent.drain();
  await agent.done;
});
