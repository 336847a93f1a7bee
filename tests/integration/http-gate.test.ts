import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../src/platform/log.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import type { Problem } from "../../src/protocol/problem.ts";
import { aType, openDoor } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";

const routes = [
  "POST /jobs/submit",
  "POST /jobs/submit/sample",
  "GET /jobs",
  "GET /jobs/k",
  "HEAD /jobs/k",
  "GET /jobs/k/payload",
  "HEAD /jobs/k/payload",
  "GET /jobs/k/result",
  "HEAD /jobs/k/result",
  "GET /jobs/k/history",
  "POST /jobs/k/cancel",
  "POST /jobs/k/retry",
  "POST /jobs/k/hold",
  "POST /jobs/k/unhold",
  "POST /jobs/k/delete",
  "DELETE /jobs/k",
  "GET /batches/0",
  "GET /batches/sample/0",
  "GET /types",
  "GET /workers",
  "GET /workers/w",
  "POST /workers/w/kick",
  "POST /workers/w/drain",
  "POST /workers/w/undrain",
  "GET /stats",
].map((route) => route.split(" ") as [string, string]);

test.each(routes)("%s %s wants a right token [GL-15] [GL-87]", async (method, path) => {
  await using door = await openDoor({ types: [aType({ name: "sample" })] });
  const wrong: readonly Record<string, string>[] = [
    { authorization: "Basic YTpi" },
    { "x-api-key": "wrong" },
    { "x-api-key": "" },
    { "x-api-key": "api-key-of-the-test" },
    { "x-api-key": "wrong", authorization: "Bearer api-key-of-the-tests" },
    { authorization: "Bearer wrong" },
    { authorization: "Bearer" },
  ];
  for (const headers of wrong) {
    const answer = await door.call(path, { method, headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
    if (method === "HEAD") continue;
    expect(((await answer.json()) as Problem).code).toBe("unauthenticated");
  }
  // A query is no place for a token: it would stand in every log on the way.
  const inQuery = await fetch(`${door.api}${path}?api_key=api-key-of-the-tests`, { method });
  expect(inQuery.status).toBe(401);
  for (const headers of [{ "x-api-key": "api-key-of-the-tests" }, bearer]) {
    expect((await door.call(path, { method, headers })).status).not.toBe(401);
  }
});

const bearer = { authorization: "bearer api-key-of-the-tests" };

test("a wrong token is answered before the body is read [GL-15]", async () => {
  await using door = await openDoor();
  using raw = await openRaw(door.listener.port);
  raw.send("POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  expect(rawStatus(await raw.until("unauthenticated"))).toBe(401);
});

test("livez and readyz answer without a token, and tell nothing else", async () => {
  await using door = await openDoor();
  const at = (path: string) => fetch(door.api.replace("/api", path));
  expect(await (await at("/livez")).text()).toBe("ok");
  expect((await at("/readyz")).status).toBe(200);
  door.broker.drain();
  expect((await at("/readyz")).status).toBe(503);
  expect((await at("/livez")).status).toBe(200);
  const answer = await door.call("/jobs/submit", { method: "POST", body: "x" });
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("5");
});

async function statusFor(port: number, head: string): Promise<number> {
  using raw = await openRaw(port);
  raw.send(`${head}Connection: close\r\n\r\n`);
  return rawStatus(await raw.closed());
}

const key = "X-API-KEY: api-key-of-the-tests\r\n";

test("a loopback server is served under its own names alone, against DNS rebinding", async () => {
  await using door = await openDoor({ settings: { names: ["closet"] } });
  const status = (host: string) =>
    statusFor(door.listener.port, `GET /api/jobs HTTP/1.1\r\n${host}${key}`);
  for (const host of [
    "localhost",
    "127.0.0.1:9",
    "[::1]:80",
    "LOCALHOST.",
    "closet",
    "a.localhost",
  ]) {
    expect(await status(`Host: ${host}\r\n`)).toBe(200);
  }
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "10.0.0.1",
    "nas:7171",
  ]) {
    expect(await status(`Host: ${host}\r\n`)).toBe(421);
  }
  for (const host of ["localhost, evil", "localhost/", "a b", "user@localhost", "localhost:x"]) {
    expect(await status(`Host: ${host}\r\n`)).toBe(400);
  }
  expect(await status("Host: localhost\r\nHost: evil.example\r\n")).toBe(400);
});

test("a server for a network is served under any one name where a token protects it", async () => {
  await using door = await openDoor({ settings: { host: "0.0.0.0" } });
  const status = (host: string) =>
    statusFor(door.listener.port, `GET /api/jobs HTTP/1.1\r\nHost: ${host}\r\n${key}`);
  expect(await status("nas")).toBe(200);
  expect(await status("x:1")).toBe(200);
  expect(await status("192.168.1.7:7171")).toBe(200);
  expect(await status("nas, evil")).toBe(400);
});

test("a server without tokens is served under addresses and known names, to pages of its own", async () => {
  await using door = await openDoor({
    isOpen: true,
    settings: { host: "0.0.0.0", names: ["nas"] },
  });
  const status = (lines: string) =>
    statusFor(door.listener.port, `POST /api/jobs/submit HTTP/1.1\r\n${lines}`);
  expect(await status("Host: 10.0.0.1\r\n")).toBe(202);
  expect(await status("Host: nas:7171\r\n")).toBe(202);
  expect(await status("Host: evil.example\r\n")).toBe(421);
  expect(await status("Host: nas\r\nOrigin: http://nas\r\n")).toBe(202);
  expect(await status("Host: nas\r\nOrigin: http://evil.example\r\n")).toBe(403);
  expect(await status("Host: nas\r\nOrigin: null\r\n")).toBe(403);
});

test("a proxy that is trusted may call the server as it likes [GL-87]", async () => {
  await using door = await openDoor({ isProxy: (address) => address === "127.0.0.1" });
  const head = `GET /api/jobs HTTP/1.1\r\nHost: grid.example\r\n${key}`;
  expect(await statusFor(door.listener.port, head)).toBe(200);
});

test("everything is under the path base, and nothing beside it [GL-83]", async () => {
  await using door = await openDoor({ settings: { pathBase: "/grid" } });
  const root = `http://127.0.0.1:${door.listener.port}`;
  expect((await fetch(`${root}/grid/livez`)).status).toBe(200);
  expect((await door.call("/jobs")).status).toBe(200);
  for (const path of ["/livez", "/api/jobs", "/grid/grid/api/jobs", "/gridapi/jobs"]) {
    const answer = await fetch(root + path, { headers: bearer });
    expect(answer.status).toBe(404);
  }
});

test("unknown routes and methods are told as problems", async () => {
  await using door = await openDoor();
  const unknown: readonly (readonly [string, string])[] = [
    ["GET", "/nope"],
    ["GET", "/"],
    ["PUT", "/jobs/submit"],
    ["OPTIONS", "/jobs"],
    ["PATCH", "/jobs/k"],
    ["GET", "/jobs/k/nope"],
    ["POST", "/jobs/first/explode"],
  ];
  for (const [method, path] of unknown) {
    const answer = await door.call(path, { method });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: "no-such-route", info: {} });
  }
  for (const method of ["TRACE", "CONNECT"]) {
    const status = await statusFor(
      door.listener.port,
      `${method} /api/jobs HTTP/1.1\r\nHost: localhost\r\n${key}`,
    );
    expect([400, 404]).toContain(status);
  }
});

test("a path that cannot be decoded is refused, so that no key is taken for another", async () => {
  await using door = await openDoor();
  for (const path of ["/jobs/%", "/jobs/%zz", "/jobs/a%ffb", "/jobs/%c3", "/jobs?type=%"]) {
    const status = await statusFor(
      door.listener.port,
      `GET /api${path} HTTP/1.1\r\nHost: localhost\r\n${key}`,
    );
    expect(status).toBe(400);
  }
  const long = await door.call(`/jobs/${"x".repeat(9000)}`);
  expect(await long.json()).toMatchObject({ code: "malformed" });
});

test("paths that climb do not get around the token", async () => {
  await using door = await openDoor({ types: [aType({ name: "sample" })] });
  for (const path of [
    "/api/batches/%2e%2e/worker",
    "/api/worker/%2e%2e/jobs",
    "/livez/%2e%2e/api/jobs",
    "/api/worker/../jobs",
    "//api/jobs",
    "/api//jobs",
    "/API/jobs",
  ]) {
    const status = await statusFor(
      door.listener.port,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`,
    );
    expect([400, 401, 404]).toContain(status);
  }
});

test("an error of ours is logged with its request, and nothing of it leaves", async () => {
  const logged: unknown[] = [];
  const log: Log = {
    ...createSilentLog(),
    error: (event, error, fields) => logged.push({ event, error: String(error), fields }),
  };
  await using door = await openDoor({ log });
  Object.assign(door.broker, {
    stats: () => Promise.reject(new Error("SELECT secret FROM /var/lib")),
  });
  const answer = await door.call("/stats");
  const text = await answer.text();
  const request = answer.headers.get("x-request-id");
  expect(answer.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ code: "internal", info: { request } });
  expect(text).not.toContain("secret");
  expect(text).not.toContain("/var");
  expect(logged).toEqual([
    {
      event: "request.failed",
      error: "Error: SELECT secret FROM /var/lib",
      fields: { request, method: "GET" },
    },
  ]);
});

test("every answer has an id of its own, and is no page", async () => {
  await using door = await openDoor();
  const ids = new Set<string | null>();
  for (const path of ["/jobs", "/jobs/nope", "/nope", "/stats"]) {
    const answer = await door.call(path);
    ids.add(answer.headers.get("x-request-id"));
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  }
  expect(ids.size).toBe(4);
  expect(ids).not.toContain(null);
});

test.skipIf(Bun.which("openssl") === null)(
  "TLS is spoken with the certificate that is given [GL-87]",
  async () => {
    await using folder = await aFolder();
    const [keyFile, cert] = [`${folder.path}/key.pem`, `${folder.path}/cert.pem`];
    const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    await Bun.$`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext ${names} -keyout ${keyFile} -out ${cert}`.quiet();
    const tls = { key: await Bun.file(keyFile).text(), cert: await Bun.file(cert).text() };
    await using door = await openDoor({ tls });
    expect(door.api).toStartWith("https://");
    const trusting = { headers: bearer, tls: { ca: tls.cert } };
    expect((await fetch(`${door.api}/stats`, trusting)).status).toBe(200);
    const doubting = await fetch(`${door.api}/stats`, { headers: bearer }).catch(String);
    expect(doubting).toMatch(/certificate|SELF_SIGNED/i);
  },
);

async function aFolder() {
  const path = await mkdtemp(join(tmpdir(), "gridlike-tls-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
