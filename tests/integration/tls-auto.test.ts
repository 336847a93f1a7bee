// A server with a certificate of its own, from its first start on: the real one, on a port of this machine.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/client/index.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createPinnedFetch, openPinned } from "../../src/platform/pinned-tls.ts";
import { makeSelfSigned } from "../../src/platform/self-signed.ts";
import { examine } from "../../src/wiring/examine.ts";
import { startServer } from "../../src/wiring/server.ts";
import type { RunningServer } from "../../src/wiring/server.ts";
import { configOf } from "../support/a-config.ts";
import { openCrossing, openEavesdropper } from "../support/eavesdropper.ts";

const key = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
const workerToken = "Hn7sD2fG9kP4qR8vX1zC6bM3";
const auto = "\n[server.tls]\nauto = true";

let folder = "";
const running = new Set<RunningServer>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-tls-auto-"));
});
afterEach(async () => {
  await Promise.all([...running].map((server) => server.stop()));
  running.clear();
  rmSync(folder, { recursive: true });
});

const path = (name: string) => join(folder, "data", name);

/** `more` continues [server]. */
async function start(more = auto): Promise<RunningServer & { readonly pin: string }> {
  const text = `[auth.api]\nkey = "${key}"\n[auth.worker]\ntoken = "${workerToken}"\n[server]\nport = 0\ndata_dir = "${join(folder, "data")}"\n${more}`;
  const server = await startServer({
    config: configOf(text),
    log: createSilentLog(),
    firstRun: { keep: () => Promise.reject(new Error("Nothing is to be made.")) },
    onBroken: (error) => {
      throw error;
    },
  });
  running.add(server);
  const { pin } = server;
  if (pin === null) throw new Error("The server has no certificate of its own.");
  return { ...server, pin };
}

/** What it fails with, which it must. */
function problemOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(() => {
    throw new Error("It went well.");
  }, String);
}

/** To somebody who knows no pin. */
function isServed(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function clientOf(url: string, pin: string) {
  return createClient({ url, token: key, fetch: createPinnedFetch(await openPinned(url, pin)) });
}

test("startServer() makes a certificate of its own, and serves who has its pin [GL-87] [GC-70]", async () => {
  const server = await start();
  expect(server.url).toStartWith("https://127.0.0.1:");
  const client = await clientOf(server.url, server.pin);
  expect((await client.submit("payload", { key: "k" })).key).toBe("k");
  expect(new TextDecoder().decode(await client.payload("k"))).toBe("payload");
  expect(await isServed(new URL("livez", server.url).href)).toBe(false);
});

test("startServer() keeps key and certificate in one file for its user alone", async () => {
  await start();
  expect(statSync(path("tls.pem")).mode & 0o777).toBe(0o600);
  const text = readFileSync(path("tls.pem"), "utf8");
  expect(text).toMatch(/^-----BEGIN CERTIFICATE-----[^]+-----BEGIN PRIVATE KEY-----/);
  expect(readdirSync(path("."))).not.toContain("tls.pem.tmp");
});

test("startServer() has the same pin at each start, and after a crash in the middle of the first", async () => {
  const first = await start();
  await first.stop();
  writeFileSync(path("tls.pem.tmp"), "half of");
  const second = await start();
  expect(second.pin).toBe(first.pin);
  expect((await (await clientOf(second.url, first.pin)).stats()).jobs).toBeDefined();
  await second.stop();

  rmSync(path("tls.pem"));
  const third = await start();
  expect(third.pin).not.toBe(first.pin);
  expect(await problemOf(openPinned(third.url, first.pin))).toMatch(
    /is not the one that was pinned: .*take the new pin/,
  );
});

test("startServer() does not start with half a certificate, and makes no new one by itself", async () => {
  await (await start()).stop();
  const whole = readFileSync(path("tls.pem"), "utf8");
  const other = makeSelfSigned("x", ["localhost"]);
  for (const text of ["", whole.slice(0, 300), whole.replace(/-----BEGIN P[^]+/, other.key)]) {
    writeFileSync(path("tls.pem"), text);
    expect(await problemOf(start())).toMatch(
      /tls\.pem does not hold a certificate and its key.*remove it/,
    );
    expect(readFileSync(path("tls.pem"), "utf8")).toBe(text);
  }
});

test("startServer() needs no word about TLS where other machines reach it", async () => {
  const server = await start(`host = "0.0.0.0"`);
  const { port } = new URL(server.url);
  const url = `https://127.0.0.1:${port}`;
  expect(await (await clientOf(url, server.pin)).types()).not.toHaveLength(0);
  expect(await isServed(`http://127.0.0.1:${port}/livez`)).toBe(false);
});

test("a worker's socket opens with the pin", async () => {
  const server = await start();
  const tls = await openPinned(server.url, server.pin);
  const headers = { "x-api-key": workerToken };
  const url = `${server.url.replace("https:", "wss:")}api/worker`;
  const opened = await new Promise((resolve) => {
    const socket = new WebSocket(url, { headers, tls });
    socket.addEventListener("open", () => resolve(socket.close()));
    socket.addEventListener("error", resolve);
  });
  expect(opened).toBeUndefined();
});

test("a client with a pin tells a man in the middle neither its key nor its payload", async () => {
  const server = await start();
  const port = Number(new URL(server.url).port);
  await using thief = await openEavesdropper(
    makeSelfSigned("gridlike", ["localhost", "127.0.0.1"]),
  );
  // In the way from the beginning, and stepping in after the client has looked.
  const led = problemOf(clientOf(`https://127.0.0.1:${thief.port}`, server.pin));
  expect(await led).toContain(server.pin);
  await using crossing = await openCrossing(port, thief.port);
  const client = await clientOf(`https://127.0.0.1:${crossing.port}`, server.pin);
  const soon = AbortSignal.timeout(300);
  await problemOf(client.submit("payload", { key: "k", signal: soon }));
  expect(crossing.connectionCount()).toBeGreaterThan(1);
  expect(thief.heard()).toBe("");
});

test("examine() finds nothing strange in a directory with a certificate", async () => {
  await (await start()).stop();
  expect((await examine({ path: path("."), isDeep: false })).findings).toEqual([]);
});
