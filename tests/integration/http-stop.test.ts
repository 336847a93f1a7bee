import { expect, test } from "bun:test";
import { shutdownMsMax } from "../../src/domain/limits-server.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createMemoryPartStore } from "../../src/blobs/memory/memory-part-store.ts";
import { createSha256 } from "../../src/blobs/hashing.ts";
import { createApp } from "../../src/server/app.ts";
import { listen } from "../../src/server/listen.ts";
import { openDoor } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { openWorker } from "../support/ws-worker.ts";

const upload = (length: number) =>
  `POST /api/jobs/submit?key=k HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: api-key-of-the-tests\r\nContent-Length: ${length}\r\n\r\n`;

test("drain() lets an upload under way finish, and refuses new ones", async () => {
  await using door = await openDoor();
  using raw = await openRaw(door.listener.port);
  raw.send(upload(100_000));
  raw.send("x".repeat(50_000));
  // The answer to this one comes after the first bytes of that one were seen.
  await door.call("/jobs");
  const drained = door.listener.drain();
  expect((await door.call("/jobs/submit", { method: "POST", body: "x" })).status).toBe(503);
  expect((await fetch(door.api.replace("/api", "/readyz"))).status).toBe(503);
  raw.send("x".repeat(50_000));
  expect(rawStatus(await raw.until('"seq":1}'))).toBe(202);
  await drained;
  expect(await door.kept()).toEqual({ blobs: 1, jobs: 1 });
});

test("drain() does not wait for uploads for ever", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  using raw = await openRaw(door.listener.port);
  raw.send(upload(100_000));
  raw.send("x".repeat(50_000));
  while (clock.timerCount() === 0) await new Promise(setImmediate);
  const drained = door.listener.drain();
  clock.advance(shutdownMsMax);
  await drained;
  expect(rawStatus(await raw.until("shutting-down"))).toBe(503);
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
});

test("drain() answers those who wait for a job with the job as it is", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const waiting = door.call("/jobs/k?wait_s=60");
  await door.call("/jobs/k");
  await door.listener.drain();
  expect(await (await waiting).json()).toMatchObject({ status: "pending" });
});

test("stop() tells workers to come back later, frees the port, and may be called twice", async () => {
  const door = await openDoor();
  using worker = await openWorker(door.api);
  const { port } = door.listener;
  await door.call("/jobs");
  door.broker.drain();
  await Promise.all([door.listener.stop(), door.listener.stop()]);
  expect(await worker.closed()).toBe(1012);
  await door.listener.stop();
  await door[Symbol.asyncDispose]();
  const again = Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() });
  await again.stop(true);
});

test("listen() refuses a port that is taken", async () => {
  await using door = await openDoor();
  const clock = createSystemClock();
  const settings = {
    pathBase: "",
    host: "127.0.0.1",
    names: [],
    classicBytesMax: null,
    isProxied: false,
    version: "tests",
  };
  const app = createApp({
    broker: door.broker,
    auth: { verifyApi: () => false, verifyWorker: () => false },
    partStore: createMemoryPartStore({ clock }),
    clock,
    random: createSystemRandom(),
    log: createSilentLog(),
    createHash: createSha256,
    isProxy: () => false,
    settings,
  });
  const { port } = door.listener;
  expect(() => listen(app, { host: "127.0.0.1", port, tls: null, clock })).toThrow(
    /EADDRINUSE|in use/,
  );
});
