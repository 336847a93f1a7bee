import { expect, test } from "bun:test";
import {
  classicTextBytesMax,
  pingIntervalMs,
  unregisteredFrameBytesMax,
  unregisteredSocketCountMax,
} from "../../src/domain/limits-server.ts";
import type { WireWorker } from "../../src/protocol/http-api.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { openSocket, openWorker, workerUrl } from "../support/ws-worker.ts";

const encoder = new TextEncoder();
const typed = [aType({ name: "sample" }), aType({ name: "collide" })];

const upgradeLines =
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** The answer to an upgrade with these lines, up to the end of its header or of the problem in it. */
async function upgrade(door: Door, path: string, lines = ""): Promise<string> {
  using raw = await openRaw(door.listener.port);
  raw.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${upgradeLines}${lines}\r\n`);
  const head = await raw.until("\r\n\r\n");
  return rawStatus(head) === 101 ? head : raw.until("}");
}

test("GET /api/worker upgrades without a token, and gives a registered worker its job [GL-20] [GL-22]", async () => {
  await using door = await openDoor();
  await door.submit("k", "payload");
  using worker = await openWorker(door.api);
  expect(await worker.nextPayload()).toBe("payload");
  worker.send(encoder.encode("result"));
  expect(await (await door.call("/jobs/k/result?wait_s=30")).text()).toBe("result");
});

test("payloads and results of every size cross the socket whole", async () => {
  await using door = await openDoor();
  using worker = await openWorker(door.api);
  for (const size of [0, 1, 63, 64, 65, 100_000, 1024 * 1024]) {
    const bytes = "b".repeat(size);
    await door.submit(`k${size}`, bytes);
    const payload = await worker.nextPayload();
    expect(payload.length).toBe(size);
    worker.send(encoder.encode(payload));
    const result = await door.call(`/jobs/k${size}/result?wait_s=30`);
    expect((await result.text()).length).toBe(size);
  }
});

test("a message of a worker is not overwritten by the next one", async () => {
  await using door = await openDoor();
  const taken: Uint8Array[] = [];
  Object.assign(door.broker, {
    attachClassic: () => ({
      isRegistered: true,
      text: () => {},
      bytes: (bytes: Uint8Array) => taken.push(bytes),
      closed: () => {},
    }),
  });
  using worker = await openSocket(workerUrl(door.api));
  for (let i = 0; i < 50; i += 1) worker.send(new Uint8Array(1000).fill(i));
  while (taken.length < 50) await new Promise(setImmediate);
  expect(
    taken.every((bytes, i) => bytes.length === 1000 && bytes.every((byte) => byte === i)),
  ).toBe(true);
  expect(taken[0]!.constructor).toBe(Uint8Array);
});

test("GET /api/worker/{type} gives jobs of that type alone [GL-21]", async () => {
  await using door = await openDoor({ types: typed });
  using worker = await openWorker(door.api, "collide");
  await door.call("/jobs/submit/sample", { method: "POST", body: "s" });
  await door.call("/jobs/submit/collide", { method: "POST", body: "c" });
  expect(await worker.nextPayload()).toBe("c");
});

test("a server with types refuses the upgrade without one, and knows only its own [GL-21]", async () => {
  await using door = await openDoor({ types: typed });
  const untyped = await upgrade(door, "/api/worker");
  expect(rawStatus(untyped)).toBe(400);
  expect(untyped).toContain("sample");
  expect(untyped).toContain("collide");
  expect(rawStatus(await upgrade(door, "/api/worker/smaple"))).toBe(404);
  expect(rawStatus(await upgrade(door, "/api/worker/sample"))).toBe(101);
});

test("a server without types refuses an upgrade with one", async () => {
  await using door = await openDoor();
  expect(rawStatus(await upgrade(door, "/api/worker/sample"))).toBe(404);
  expect(rawStatus(await upgrade(door, "/api/worker"))).toBe(101);
});

test("the door is shut where classic workers are turned off", async () => {
  await using door = await openDoor({ settings: { classicBytesMax: null } });
  const refused = await upgrade(door, "/api/worker");
  expect([rawStatus(refused), refused]).toEqual([400, expect.stringContaining("gridlike.v2")]);
});

test("pages of other hosts, other subprotocols and other questions are refused", async () => {
  await using door = await openDoor();
  const status = async (lines: string) => rawStatus(await upgrade(door, "/api/worker", lines));
  expect(await status("Origin: http://evil.example\r\n")).toBe(403);
  expect(await status("Origin: null\r\n")).toBe(403);
  expect(await status("Origin: http://localhost\r\n")).toBe(101);
  expect(await status("Sec-WebSocket-Protocol: gridlike.v9\r\n")).toBe(400);
  expect(rawStatus(await upgrade(door, "/api/worker?token=x"))).toBe(400);
  const plain = await door.call("/worker");
  expect(plain.status).toBe(400);
  using raw = await openRaw(door.listener.port);
  raw.send(`GET /api/worker HTTP/1.1\r\nHost: evil.example\r\n${upgradeLines}\r\n`);
  expect(rawStatus(await raw.until("}"))).toBe(421);
});

test("a socket that has not registered may not send large frames", async () => {
  await using door = await openDoor();
  using text = await openSocket(workerUrl(door.api));
  text.send(JSON.stringify({ code: 0, name: "x".repeat(unregisteredFrameBytesMax) }));
  expect(await text.closed()).toBe(1009);
  using binary = await openSocket(workerUrl(door.api));
  binary.send(new Uint8Array(unregisteredFrameBytesMax + 1));
  expect(await binary.closed()).toBe(1009);
});

test("a registered worker may not send larger texts or results than any should be", async () => {
  await using door = await openDoor();
  using chatty = await openWorker(door.api);
  chatty.send(JSON.stringify({ code: 4, info: null, logs: "ä".repeat(classicTextBytesMax / 2) }));
  expect(await chatty.closed()).toBe(1009);
  using heavy = await openWorker(door.api);
  heavy.send(new Uint8Array(6 * 1024 * 1024));
  expect(await heavy.closed()).not.toBe(1000);
});

test("one address has only so many sockets that have not registered", async () => {
  await using door = await openDoor();
  // Time stands still for them: none is closed for being late.
  Object.assign(door.broker, {
    attachClassic: () => {
      const connection = { isRegistered: false, text: () => {}, bytes: () => {}, closed: () => {} };
      return Object.assign(connection, { text: () => (connection.isRegistered = true) });
    },
  });
  const open = () => openSocket(workerUrl(door.api));
  const strangers = await Promise.all(Array.from({ length: unregisteredSocketCountMax }, open));
  const refused = await upgrade(door, "/api/worker");
  expect(rawStatus(refused)).toBe(429);
  expect(refused).toContain("rate-limited");
  // Who registers makes room, and so does who leaves.
  strangers[0]!.send("register");
  while (rawStatus(await upgrade(door, "/api/worker")) !== 101);
  while (rawStatus(await upgrade(door, "/api/worker")) !== 101);
  for (const { socket } of strangers) socket.close();
});

test("a worker behind a trusted proxy has the address that the proxy tells", async () => {
  await using door = await openDoor({ isProxy: (address) => address === "127.0.0.1" });
  using worker = await openSocket(workerUrl(door.api), {
    "X-Forwarded-For": "6.6.6.6, 10.1.2.3, 127.0.0.1",
  });
  worker.send(JSON.stringify({ code: 0, name: "n", id: "i", token: "worker-token-of-the-tests" }));
  for (;;) {
    const [shown] = (await (await door.call("/workers")).json()) as WireWorker[];
    if (shown === undefined) continue;
    expect(shown.address).toBe("10.1.2.3");
    break;
  }
});

test("open sockets are pinged, and the last one to leave ends it [GL-29]", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  using raw = await openRaw(door.listener.port);
  raw.send(`GET /api/worker HTTP/1.1\r\nHost: localhost\r\n${upgradeLines}\r\n`);
  await raw.until("\r\n\r\n");
  while (clock.timerCount() === 0) await new Promise(setImmediate);
  expect(clock.nextTimerMs()).toBe(pingIntervalMs);
  clock.advance(pingIntervalMs);
  expect(await raw.until("\x89\x00")).toContain("101"); // A ping without words.
  raw.reset();
  while (clock.timerCount() > 0) {
    await new Promise(setImmediate);
    clock.advance(pingIntervalMs);
  }
});

test("a bug while a message is handled ends that socket alone", async () => {
  await using door = await openDoor();
  const { attachClassic } = door.broker;
  Object.assign(door.broker, {
    attachClassic: () => ({
      isRegistered: true,
      text: () => {
        throw new Error("a bug");
      },
      bytes: () => {},
      closed: () => {},
    }),
  });
  using unlucky = await openSocket(workerUrl(door.api));
  Object.assign(door.broker, { attachClassic });
  using worker = await openWorker(door.api);
  unlucky.send("x");
  expect(await unlucky.closed()).toBe(1011);
  await door.submit("k");
  expect(await worker.nextPayload()).toBe("k");
});
