// The agent against a scripted server that goes away and comes back: what is held, what is told again, what waits
// on the disk, and who the agent is to the server.

import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anAgent, done, heldRunner, noisyFailure, runnerOf } from "../support/an-agent.ts";
import { parseHeld } from "../../src/protocol/worker-messages.ts";
import { sha256, startScriptedServer } from "../support/scripted-server.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function aStateFolder() {
  const path = mkdtempSync(join(tmpdir(), "gridlike-agent-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const onDisk = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /spool\/.+/.test(name),
  );

test("an agent keeps computing while the server is away, and its result counts when it is back", async () => {
  await using server = startScriptedServer();
  const { runner, next } = heldRunner();
  await using _agent = anAgent({ url: server.url, slots: 1, runner });
  const before = await server.line();
  await before.greet();
  const running = before.job({});
  const queued = before.job({ payload: "later" });
  const run = await next();
  before.terminate();
  const after = await server.line();
  const { held } = await after.greet({
    verdicts: [
      { job: running.job, attempt: 1, do: "continue" },
      { job: queued.job, attempt: 1, do: "continue" },
    ],
  });
  expect(held).toEqual([
    { ...running, state: "running", sha256: null, size: null },
    { ...queued, state: "queued", sha256: null, size: null },
  ]);
  expect(run.stop.aborted).toBe(false);
  run.end(done("kept"));
  const result = await after.next("result");
  expect([result.said.token, text(result.body)]).toEqual([running.token, "kept"]);
  expect((await next()).assignment.job).toBe(queued.job);
});

test("an agent tells a result again that had no receipt, also one that ended while it was alone", async () => {
  await using server = startScriptedServer();
  const { runner, of } = heldRunner();
  await using _agent = anAgent({ url: server.url, slots: 2, runner });
  const before = await server.line();
  await before.greet();
  const told = before.job({});
  const untold = before.job({});
  (await of(told.job)).end(done("told"));
  await before.next("result");
  const alone = await of(untold.job);
  before.close(1012, "restart");
  await before.closed;
  alone.end(noisyFailure);
  const after = await server.line();
  const { held } = await after.greet({
    verdicts: [
      { job: told.job, attempt: 1, do: "deliver" },
      { job: untold.job, attempt: 1, do: "deliver" },
    ],
  });
  const states = [
    { ...told, state: "finished", sha256: sha256("told"), size: 4 },
    { ...untold, state: "failed", sha256: null, size: null },
  ] as const;
  expect(held).toEqual([...states]);
  const endings = await after.endings(2);
  expect(text(endings.get(told.job)!.body)).toBe("told");
  expect(endings.get(untold.job)?.said.op).toBe("fail");
});

test("an agent drops what nobody wants any more: running or done", async () => {
  await using server = startScriptedServer();
  const { runner, of } = heldRunner();
  await using agent = anAgent({ url: server.url, slots: 2, window: 3, runner });
  const before = await server.line();
  await before.greet();
  const finished = before.job({});
  const abandoned = before.job({});
  const cancelled = before.job({});
  (await of(finished.job)).end(done("x"));
  await before.next("result");
  const second = await of(abandoned.job);
  const third = await of(cancelled.job);
  before.terminate();
  const after = await server.line();
  await after.greet({
    verdicts: [
      { job: finished.job, attempt: 1, do: "abandon" },
      { job: abandoned.job, attempt: 1, do: "abandon" },
      { job: cancelled.job, attempt: 1, do: "cancel" },
    ],
  });
  // Of what is abandoned nobody is told; a cancelled one is said to have ended.
  expect((await after.next("ended")).said.job).toBe(cancelled.job);
  expect([second.stop.aborted, third.stop.aborted]).toEqual([true, true]);
  agent.drain();
  expect((await agent.done).exitCode).toBe(0);
  expect(after.ops).toEqual(["hello", "ready", "ended", "ready", "bye"]);
  expect(onDisk(agent.folder)).toEqual([]);
});

test("a restarted agent has its old identity and delivers what its spool kept", async () => {
  await using state = aStateFolder();
  await using server = startScriptedServer();
  const runner = runnerOf(({ key }, report) => {
    report.log("stderr", new TextEncoder().encode("said"));
    return Promise.resolve(key.includes("bad") ? noisyFailure : done("kept"));
  });
  let workerId = "";
  {
    await using _agent = anAgent({ url: server.url, stateFolder: state.path, runner });
    const line = await server.line();
    const hello = line.next("hello");
    workerId = (await hello).said.worker_id;
    line.send({ op: "welcome", heartbeat_ms: 10_000, frame_body_bytes_max: 65_536 });
    await line.next("ready");
    line.job({ id: "good" });
    line.job({ id: "bad" });
    await line.endings(2);
  }
  const files = onDisk(state.path);
  expect(files.length).toBe(2);
  for (const file of files) expect(statSync(join(state.path, file)).mode & 0o777).toBe(0o600);

  await using agent = anAgent({ url: server.url, stateFolder: state.path });
  const line = await server.line();
  const { said, body } = await line.next("hello");
  expect(said.worker_id).toBe(workerId);
  const held = parseHeld(body);
  expect(held.map((attempt) => [attempt.job, attempt.state])).toEqual([
    ["bad", "failed"],
    ["good", "finished"],
  ]);
  line.send({ op: "welcome", heartbeat_ms: 10_000, frame_body_bytes_max: 65_536 });
  const endings = await line.endings(2);
  const fail = endings.get("bad");
  expect(fail?.said).toMatchObject({ op: "fail", info: "It ended with 3.", exit_code: 3 });
  expect(text(fail!.body)).toBe("said");
  const result = endings.get("good");
  expect(result?.said).toMatchObject({ op: "result", content_type: "text/plain" });
  expect(text(result!.body)).toBe("kept");
  line.receipt({ job: "good", attempt: 1 });
  line.receipt({ job: "bad", attempt: 1 }, "abandon");
  agent.drain();
  expect((await agent.done).exitCode).toBe(0);
  expect(onDisk(state.path)).toEqual([]);
});

test("an agent with more held attempts than a hello can name tells the others before ready", async () => {
  await using state = aStateFolder();
  await using server = startScriptedServer();
  const count = 600;
  {
    await using _agent = anAgent({ url: server.url, stateFolder: state.path, window: 1000 });
    const line = await server.line();
    await line.greet();
    for (let n = 0; n < count; n += 1) line.job({ id: `job-${n}`, payload: `p${n}` });
    for (let n = 0; n < count; n += 1) await line.next("result");
  }
  await using _agent = anAgent({ url: server.url, stateFolder: state.path });
  const line = await server.line();
  let names = text((await line.next("hello")).body);
  line.send({ op: "welcome", heartbeat_ms: 10_000, frame_body_bytes_max: 65_536 });
  while (names.trim().split("\n").length < count) {
    names += text((await line.next("holding")).body);
    expect(line.ops).not.toContain("ready");
    line.send({ op: "held" });
  }
  await line.next("ready");
  const results = new Set<string>();
  while (results.size < count) results.add((await line.next("result")).said.job);
});

test("two agents on one machine are two workers, and a copied one makes itself another identity", async () => {
  await using state = aStateFolder();
  await using server = startScriptedServer();
  await using _first = anAgent({ url: server.url, stateFolder: state.path });
  const first = await (await server.line()).next("hello");
  await using second = anAgent({ url: server.url, stateFolder: state.path });
  const line = await server.line();
  const { said } = await line.next("hello");
  expect(said.worker_id).not.toBe(first.said.worker_id);
  expect(said.boot_id).not.toBe(first.said.boot_id);
  line.close(4410, "cloned identity");
  const renewed = await (await server.line()).next("hello");
  expect(renewed.said.worker_id).not.toBe(said.worker_id);
  expect(second.notices.join("\n")).toContain("under a new identity");
  const identities = readdirSync(state.path).map((folder) =>
    readFileSync(join(state.path, folder, "IDENTITY"), "utf8"),
  );
  expect(identities.join()).toContain(renewed.said.worker_id);
  expect(identities.join()).not.toContain(said.worker_id);
});

test("an agent waits as long as a leaving server asks", async () => {
  await using server = startScriptedServer();
  await using agent = anAgent({ url: server.url });
  const line = await server.line();
  await line.greet();
  line.send({ op: "bye", why: "restart", retry_after_ms: 600_000 });
  line.close(1012, "restart");
  await line.closed;
  while (agent.notices.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(agent.notices[1]).toMatch(/Trying again in 60[01] s/);
});

test("an agent gives up with a sentence when the server says that it is not welcome", async () => {
  for (const [code, words] of [
    [4400, "did not understand"],
    [4401, "token"],
    [4403, "does not allow"],
    [4409, "newer connection"],
    [4426, "another version"],
  ] as const) {
    await using server = startScriptedServer();
    await using agent = anAgent({ url: server.url });
    const line = await server.line();
    await line.next("hello");
    line.close(code, "no");
    const end = await agent.done;
    expect([code, end]).toEqual([code, { exitCode: 4, why: expect.stringContaining(words) }]);
  }
});

test("an agent gives up when the upgrade is refused, or answered in another protocol", async () => {
  const refusing = (status: number) => () => new Response("no", { status });
  for (const [options, words] of [
    [{ answerUpgrade: refusing(401) }, "token"],
    [{ answerUpgrade: refusing(403) }, "does not allow"],
    [{ answerUpgrade: refusing(400) }, "does not speak gridlike.v2"],
    [{ protocol: "gridlike.v1" }, "without the subprotocol gridlike.v2"],
  ] as const) {
    await using server = startScriptedServer(options);
    await using agent = anAgent({ url: server.url });
    const end = await agent.done;
    expect(end).toEqual({ exitCode: 4, why: expect.stringContaining(words) });
  }
});

test("an agent comes back when a server is overloaded or not there", async () => {
  let refusals = 0;
  await using server = startScriptedServer({
    answerUpgrade() {
      refusals += 1;
      return refusals === 1 ? new Response("later", { status: 503 }) : null;
    },
  });
  await using agent = anAgent({ url: server.url });
  await (await server.line()).greet();
  expect(refusals).toBe(2);
  expect(agent.notices[0]).toContain("503");
});

test("an agent closes with 4400 and gives up when the server sends what is not of the protocol", async () => {
  const job = { job: "j", attempt: 1, token: sha256("t"), key: "k", type: "" };
  const facts = { ...job, priority: "batch", size: 0, sha256: sha256("") };
  const cases: readonly [
    string,
    "hello" | "ready",
    (line: Awaited<ReturnType<ReturnType<typeof startScriptedServer>["line"]>>) => void,
  ][] = [
    ["a text frame", "hello", (line) => line.sendRaw("hello")],
    ["an empty frame", "ready", (line) => line.sendRaw(new Uint8Array(0))],
    ["trailing bytes", "ready", (line) => line.sendRaw(new Uint8Array(9))],
    ["a job before welcome", "hello", (line) => line.send({ op: "job", ...facts })],
    ["a receipt before welcome", "hello", (line) => line.receipt(job)],
    [
      "a second welcome",
      "ready",
      (line) => line.send({ op: "welcome", heartbeat_ms: 1, frame_body_bytes_max: 1 }),
    ],
    ["held unasked", "ready", (line) => line.send({ op: "held" })],
    ["a path as a job", "ready", (line) => line.send({ op: "job", ...facts, job: "../../x" })],
    ["a job without token", "ready", (line) => line.send({ op: "job", ...facts, token: "" })],
    [
      "a verdict that is none",
      "hello",
      (line) => line.send({ op: "welcome", heartbeat_ms: 1, frame_body_bytes_max: 1 }, "{"),
    ],
  ];
  for (const [what, state, say] of cases) {
    await using server = startScriptedServer();
    await using agent = anAgent({ url: server.url });
    const line = await server.line();
    if (state === "ready") await line.greet();
    else await line.next("hello");
    say(line);
    expect([what, (await line.closed).code]).toEqual([what, 4400]);
    const end = await agent.done;
    expect(end).toEqual({ exitCode: 4, why: expect.stringContaining("not of the protocol") });
  }
});
