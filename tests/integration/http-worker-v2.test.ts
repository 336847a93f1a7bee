// v2 workers on real sockets: the upgrade, frames, large bytes by HTTP, and what happens when the line breaks.

import { expect, test } from "bun:test";
import { frameBodyBytesMax, frameBytesMax } from "../../src/domain/limits.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { aType, apiKey, openDoor, workerToken, type Door } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";
import { openRealServer, realWorkerToken } from "../support/real-server.ts";
import {
  heldOf,
  openReady,
  openV2,
  proofOf,
  verdictsOf,
  type V2Worker,
} from "../support/v2-worker.ts";

const upgradeLines =
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async function upgrade(door: Door, lines: string, path = "/api/worker"): Promise<string> {
  using raw = await openRaw(door.listener.port);
  raw.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${upgradeLines}${lines}\r\n`);
  const head = await raw.until("\r\n\r\n");
  return rawStatus(head) === 101 ? head : raw.until("}");
}
const v2 = "Sec-WebSocket-Protocol: gridlike.v2\r\n";
const withToken = `X-API-KEY: ${workerToken}\r\n`;

test("the upgrade chooses gridlike.v2 by name, wherever it stands in the offer", async () => {
  await using door = await openDoor();
  for (const offer of ["gridlike.v2", "gridlike.v9, gridlike.v2", "gridlike.v2,x"]) {
    const answer = await upgrade(door, `Sec-WebSocket-Protocol: ${offer}\r\n${withToken}`);
    expect([rawStatus(answer), answer.toLowerCase()]).toEqual([
      101,
      expect.stringContaining("sec-websocket-protocol: gridlike.v2\r\n"),
    ]);
  }
  for (const offer of ["gridlike.v9", "gridlike.v20", "Gridlike.V2", ""]) {
    const answer = await upgrade(door, `Sec-WebSocket-Protocol: ${offer}\r\n${withToken}`);
    expect([rawStatus(answer), answer]).toEqual([400, expect.stringContaining("gridlike.v2")]);
    expect(answer).toContain('"code":"protocol-version"');
  }
});

test("the upgrade asks for the worker token, in either header, and for no other one", async () => {
  await using door = await openDoor();
  const status = async (lines: string) => rawStatus(await upgrade(door, v2 + lines));
  expect(await status("")).toBe(401);
  expect(await status("X-API-KEY: wrong\r\n")).toBe(401);
  expect(await status(`X-API-KEY: ${apiKey}\r\n`)).toBe(401);
  expect(await status(withToken)).toBe(101);
  expect(await status(`Authorization: Bearer ${workerToken}\r\n`)).toBe(101);
  expect(await status(`${withToken}Origin: http://evil.example\r\n`)).toBe(403);
  expect(await status(`${withToken}Origin: http://localhost\r\n`)).toBe(101);
  expect(rawStatus(await upgrade(door, v2 + withToken, "/api/worker?token=x"))).toBe(400);
});

test("types stand in hello, never in the address", async () => {
  await using door = await openDoor({ types: [aType({ name: "sample" })] });
  const answer = await upgrade(door, v2 + withToken, "/api/worker/sample");
  expect([rawStatus(answer), answer]).toEqual([400, expect.stringContaining("hello")]);
  expect(rawStatus(await upgrade(door, v2 + withToken))).toBe(101);
});

test("v2 is spoken where the classic protocol is turned off, and below a path", async () => {
  const settings = { classicBytesMax: null, pathBase: "/grid" };
  await using door = await openDoor({ settings });
  await door.submit("k", "p".repeat(frameBodyBytesMax + 1));
  await using worker = await openReady(door.api);
  const job = await worker.nextJob();
  const socketAt = `${door.api}/worker`;
  const address = new URL(job.url, socketAt);
  expect(address.pathname).toBe(`/grid/api/work/${job.job}/1/payload`);
  const headers = { "Gridlike-Attempt-Token": job.token };
  expect((await fetch(address, { headers })).status).toBe(200);
});

test("a job of each size reaches its worker whole, and its result comes back", async () => {
  await using door = await openDoor();
  await using worker = await openReady(door.api);
  for (const size of [0, 1, 63, 64, 65, 30_000, frameBodyBytesMax - 1, frameBodyBytesMax]) {
    await door.submit(`k${size}`, "b".repeat(size));
    const job = await worker.nextJob();
    expect([job.payload.length, job.header["size"]]).toEqual([size, size]);
    worker.result(job, job.payload.toUpperCase(), { content_type: "text/plain" });
    expect(await worker.receipt(job)).toBe("committed");
    const result = await door.call(`/jobs/k${size}/result`);
    expect((await result.text()).length).toBe(size);
    expect(result.headers.get("content-type")).toBe("text/plain");
  }
});

test("a media type that would break a header is left out", async () => {
  await using door = await openDoor();
  await using worker = await openReady(door.api);
  await door.submit("k");
  const job = await worker.nextJob();
  worker.result(job, "R", { content_type: "text/plain\r\nX-Evil: 1" });
  expect(await worker.receipt(job)).toBe("committed");
  const result = await door.call("/jobs/k/result");
  expect(result.headers.get("content-type")).toBe("application/octet-stream");
  expect(result.headers.get("x-evil")).toBeNull();
});

test("many jobs and receipts share frames, and the window holds however results come", async () => {
  await using door = await openDoor();
  for (let i = 0; i < 100; i += 1) await door.submit(`k${i}`);
  await using worker = await openReady(door.api, 10);
  const jobs = await Promise.all(Array.from({ length: 10 }, () => worker.nextJob()));
  const frames = new Set<number>();
  let doneCount = 0;
  let held = [...jobs];
  while (doneCount < 100) {
    const messages = held.map((job) => {
      const sha256 = new Bun.CryptoHasher("sha256").update(job.key).digest("hex");
      const header = { op: "result", ...proofOf(job), sha256, size: job.key.length };
      return { header, body: new TextEncoder().encode(job.key) };
    });
    worker.sayTogether(messages);
    doneCount += held.length;
    for (const _ of held) frames.add((await worker.next("receipt")).frame);
    const nextCount = Math.min(10, 100 - doneCount);
    held = await Promise.all(Array.from({ length: nextCount }, () => worker.nextJob()));
    expect(worker.unheard().filter(({ header }) => header.op === "job")).toEqual([]);
  }
  expect(frames.size).toBeLessThan(40);
  expect((await (await door.call("/stats")).json()) as object).toMatchObject({
    jobs: expect.arrayContaining([expect.objectContaining({ status: "done", count: 100 })]),
  });
});

test("frames above the limit and text frames are refused with a reason", async () => {
  await using door = await openDoor();
  const openAs = async (state: "fresh" | "ready") =>
    state === "fresh"
      ? openV2(door.api)
      : openReady(door.api, 1, { worker_id: crypto.randomUUID() });
  for (const state of ["fresh", "ready"] as const) {
    const tooLarge = encodeMessage({ op: "beat" }, new Uint8Array(frameBytesMax));
    for (const wrong of [tooLarge, '{"op":"beat"}', new Uint8Array([0, 0, 0, 9])]) {
      await using worker = await openAs(state);
      worker.sendRaw(wrong);
      expect(await worker.closed()).toBe(4400);
    }
  }
  await using worker = await openReady(door.api);
  const header = { op: "log", job: "x", attempt: 1, stream: "stdout", offset: 0 };
  const room = frameBytesMax - encodeMessage(header).length;
  worker.sendRaw(encodeMessage(header, new Uint8Array(room)));
  await door.submit("k");
  expect((await worker.nextJob()).key).toBe("k"); // A frame of the very limit is none too large.
});

test("a payload above 64 KiB is fetched and its result put, with the attempt's token alone", async () => {
  await using door = await openDoor();
  const large = "0123456789abcdef".repeat(20_000);
  await door.submit("large", large);
  await door.submit("next");
  await using worker = await openReady(door.api);
  const job = await worker.nextJob();
  const at = (what: string) => new URL(what, `${door.api}/worker`);
  const headers = { "Gridlike-Attempt-Token": job.token };
  expect(await (await fetch(at(job.url), { headers })).text()).toBe(large);
  expect(job.payload).toBe("");
  const wrong = { "Gridlike-Attempt-Token": "0".repeat(64) };
  expect((await fetch(at(job.url), { headers: wrong })).status).toBe(403);
  const put = { method: "PUT", headers, body: large.toUpperCase() };
  const answer = await fetch(at(`work/${job.job}/1/result`), put);
  expect((await answer.json()) as object).toEqual({ verdict: "committed" });
  expect((await worker.nextJob()).key).toBe("next"); // The place is free without a word on the socket.
  expect((await (await door.call("/jobs/large/result")).text()).length).toBe(large.length);
});

test("work goes on when the line breaks, and its result counts", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const first = await openReady(door.api);
  const job = await first.nextJob();
  first.say("started", { job: job.job, attempt: 1 });
  await first.cut();
  await using second = await openV2(door.api);
  const verdicts = await second.hello({}, [heldOf(job, "running")]);
  expect(verdicts).toEqual([{ job: job.job, attempt: 1, do: "continue" }]);
  second.ready(1);
  second.result(job, "kept");
  expect(await second.receipt(job)).toBe("committed");
  expect(await (await door.call("/jobs/k/result")).text()).toBe("kept");
  const { attempts } = (await (await door.call("/jobs/k")).json()) as { attempts: number };
  expect(attempts).toBe(1);
});

test("a worker whose process was started anew loses what it does not have any more", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const first = await openReady(door.api);
  const job = await first.nextJob();
  first.say("started", { job: job.job, attempt: 1 });
  await first.cut();
  await using second = await openReady(door.api, 1, { boot_id: "boot-of-the-second-start" });
  const again = await second.nextJob();
  expect([again.key, again.attempt]).toEqual(["k", 2]);
  const history = (await (await door.call("/jobs/k/history")).json()) as {
    attempts: { outcome: string | null }[];
  };
  expect(history.attempts.map(({ outcome }) => outcome)).toEqual(["lost", null]);
});

test("a copied identity is sent away while the first one lives", async () => {
  await using door = await openDoor();
  await using first = await openReady(door.api);
  await using copy = await openV2(door.api);
  copy.say("hello", {
    worker_id: "worker-1",
    name: "x",
    boot_id: "boot-of-the-copied-disk",
    slots: 1,
  });
  expect(await copy.closed()).toBe(4410);
  await door.submit("k");
  expect((await first.nextJob()).key).toBe("k");
});

test("who is cancelled, deleted or overtaken is told so, and a late word of it is answered", async () => {
  await using door = await openDoor();
  await using worker = await openReady(door.api, 2);
  await door.submit("a");
  await door.submit("b");
  const [a, b] = [await worker.nextJob(), await worker.nextJob()];
  await door.call("/jobs/a/cancel", { method: "POST" });
  expect((await worker.next("cancel")).header).toMatchObject({ job: a.job, why: "cancelled" });
  await door.call("/jobs/b/delete", { method: "POST" });
  expect((await worker.next("cancel")).header).toMatchObject({ job: b.job, why: "cancelled" });
  worker.result(a, "late");
  expect(await worker.receipt(a)).toBe("abandon");
  worker.say("ended", { job: b.job, attempt: 1 });
  await door.submit("c");
  expect((await worker.nextJob()).key).toBe("c");
});

test("a server that stops says bye and 1012; what runs goes on and is taken up after the start", async () => {
  await using server = await openRealServer();
  const open = async (held: readonly ReturnType<typeof heldOf>[] = []) => {
    const worker = await openV2(server.api, { token: realWorkerToken });
    return { worker, verdicts: await worker.hello({ slots: 2 }, held) };
  };
  await server.submit("running");
  await server.submit("finished");
  const before = (await open()).worker;
  before.ready(2);
  const jobs = [await before.nextJob(), await before.nextJob()];
  const holding = jobs.map(({ job }) => [job, 1, "running"]);
  before.say("beat", { holding });
  const incarnation = async (worker: V2Worker) => {
    worker.say("dance");
    return (await worker.next("refused")).header["code"];
  };
  expect(await incarnation(before)).toBe("unknown-op");
  await server.stop();
  expect((await before.next("bye")).header).toMatchObject({ why: "restart" });
  expect(await before.closed()).toBe(1012);
  await server.start();
  const [running, finished] = jobs as [(typeof jobs)[number], (typeof jobs)[number]];
  const { worker: after, verdicts } = await open([
    heldOf(running, "running"),
    heldOf(finished, "finished"),
  ]);
  expect(verdicts.map((verdict) => verdict.do)).toEqual(["continue", "deliver"]);
  after.ready(2);
  after.result(finished, "F");
  after.result(running, "R");
  expect([await after.receipt(finished), await after.receipt(running)]).toEqual([
    "committed",
    "committed",
  ]);
  expect(await (await server.call("/jobs/running/result")).text()).toBe("R");
  const history = (await (await server.call("/jobs/running/history")).json()) as {
    events: { change: string }[];
  };
  expect(history.events.map(({ change }) => change)).toEqual(["submitted", "claimed", "completed"]);
  await after.cut();
});

test("a server that is told of no attempt after its start gives the job to the next one, uncharged", async () => {
  await using server = await openRealServer();
  await server.submit("k");
  const before = await openV2(server.api, { token: realWorkerToken });
  await before.hello();
  before.ready(1);
  const job = await before.nextJob();
  before.say("started", { job: job.job, attempt: 1 });
  await before.cut();
  await server.stop();
  await server.start();
  await using after = await openV2(server.api, { token: realWorkerToken });
  await after.hello({ boot_id: "boot-of-the-second-start" });
  after.ready(1);
  expect((await after.nextJob()).attempt).toBe(2);
  // The first process had kept it after all: whoever is first completes the job.
  await using late = await openV2(server.api, { token: realWorkerToken });
  const verdicts = await late.hello({ worker_id: "elsewhere" }, [heldOf(job, "finished")]);
  expect(verdicts[0]?.do).toBe("deliver");
  late.result(job, "first");
  expect(await late.receipt(job)).toBe("committed");
  expect((await after.next("cancel")).header["why"]).toBe("superseded");
});

test("several lists of held attempts are answered one by one", async () => {
  await using door = await openDoor();
  await using worker = await openV2(door.api);
  const line = (n: number) => {
    const token = n.toString(16).padStart(64, "0");
    return `${JSON.stringify({ job: crypto.randomUUID(), attempt: 1, token, state: "finished" })}\n`;
  };
  const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n)).join("");
  worker.say(
    "hello",
    { worker_id: "w", name: "", boot_id: "b".repeat(16), slots: 1 },
    lines(1_000),
  );
  worker.say("holding", {}, lines(500));
  expect(verdictsOf(await worker.next("welcome")).length).toBe(1_000);
  expect(verdictsOf(await worker.next("held")).map((verdict) => verdict.do)).toEqual(
    Array.from({ length: 500 }, () => "abandon"),
  );
});

test("a worker that does not read gets a bounded number of jobs, and the rest when it does", async () => {
  await using door = await openDoor();
  const count = 700;
  const payload = "p".repeat(40_000);
  for (let i = 0; i < count; i += 1) await door.submit(`k${i}`, payload);
  await using worker = await openV2(door.api);
  await worker.hello({ slots: 1 });
  const { socket } = worker as { socket: WebSocket & { pause(): void; resume(): void } };
  worker.ready(4_096);
  await worker.nextJob();
  socket.pause();
  let heldBefore = -1;
  for (let held = 0; held !== heldBefore || held < 256;) {
    heldBefore = held;
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    held = door.broker.worker("worker-1").jobs.length;
  }
  expect(heldBefore).toBeLessThan(count);
  socket.resume();
  for (let i = 1; i < count; i += 1) expect((await worker.nextJob()).payload.length).toBe(40_000);
  expect(door.broker.worker("worker-1").jobs.length).toBe(count);
});
