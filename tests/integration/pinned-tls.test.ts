// What a pin protects, against servers that are others than they should be: nothing of a request reaches them,
// by fetch or by WebSocket.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GridError } from "../../src/domain/errors.ts";
import { createPinnedFetch, openPinned, UnreachableError } from "../../src/platform/pinned-tls.ts";
import type { TlsOptions } from "../../src/platform/pinned-tls.ts";
import { pinOf } from "../../src/platform/pin.ts";
import { makeSelfSigned } from "../../src/platform/self-signed.ts";
import { openCrossing, openEavesdropper } from "../support/eavesdropper.ts";

const secret = "token-of-the-tests";
/** What the runtime says of a certificate that is not to be trusted. */
const refused = /self.signed certificate|unable to (?:get|verify)|certificate verify/i;
const headers = { "x-api-key": secret };
// No name fits the address: what counts is the certificate.
const ours = makeSelfSigned("closet", ["closet.example"]);
const theirs = makeSelfSigned("closet", ["closet.example", "127.0.0.1"]);
const pin = pinOf(ours.cert);

let server: ReturnType<typeof openServer>;
beforeAll(() => {
  server = openServer(ours);
});
afterAll(() => server.stop(true));

function openServer(tls: { readonly cert: string; readonly key: string }) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls,
    fetch: (request, bun) => {
      const { port } = bun.requestIP(request) ?? {};
      const token = request.headers.get("x-api-key") ?? "";
      if (bun.upgrade(request, { data: token })) return undefined;
      return new Response(token, { headers: { "x-from-port": String(port) } });
    },
    websocket: {
      data: "",
      message: () => {},
      open: (ws) => void ws.send(ws.data),
    },
  });
}

const at = (port: number | undefined, scheme = "https") => `${scheme}://127.0.0.1:${port}/`;

/** What the server heard as the token, or the problem. */
async function byFetch(port: number | undefined, tls: TlsOptions): Promise<string> {
  const answer = await fetch(at(port), { headers, tls }).catch(String);
  return typeof answer === "string" ? answer : answer.text();
}

function bySocket(port: number | undefined, tls: TlsOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(at(port, "wss"), { headers, tls });
  socket.addEventListener("message", ({ data }) => resolve(String(data)));
  socket.addEventListener("error", (event) => resolve(`error: ${event.message}`));
  return promise.finally(() => socket.close());
}

const problemOf = (url: string, given: string, stop?: AbortSignal): Promise<unknown> =>
  openPinned(url, given, stop).then(
    () => "no problem",
    (error: unknown) => error,
  );

test("openPinned() opens fetch and WebSocket to the server that fits, whatever it is called [GL-87]", async () => {
  for (const url of [at(server.port), at(server.port, "wss"), `https://localhost:${server.port}`]) {
    const tls = await openPinned(url, pin.toUpperCase().replace("SHA256", "sha256"));
    expect(await byFetch(server.port, tls)).toBe(secret);
    expect(await bySocket(server.port, tls)).toBe(secret);
  }
});

test("openPinned() refuses another server with both fingerprints, before it is told anything", async () => {
  await using other = await openEavesdropper(theirs);
  const problem = await problemOf(at(other.port), pin);
  expect(problem).toBeInstanceOf(GridError);
  expect(problem).toMatchObject({
    code: "forbidden",
    info: { expected: pin, found: pinOf(theirs.cert) },
  });
  expect(String(problem)).toContain(`127.0.0.1:${other.port}`);
  expect(String(problem)).toContain(pin);
  expect(String(problem)).toContain(pinOf(theirs.cert));
  expect(String(problem)).toMatch(/take the new pin/);
  expect(other.heard()).toBe("");
});

test("openPinned() hands out options that refuse whoever takes the server's place after the look", async () => {
  for (const speak of [byFetch, bySocket]) {
    await using other = await openEavesdropper(theirs);
    await using crossing = await openCrossing(server.port ?? 0, other.port);
    const tls = await openPinned(at(crossing.port), pin);
    expect(await speak(crossing.port, tls)).toMatch(refused);
    expect(crossing.connectionCount()).toBe(2);
    expect(other.heard()).toBe("");
  }
});

test("openEavesdropper() hears the token of whoever believes its certificate", async () => {
  for (const speak of [byFetch, bySocket]) {
    await using other = await openEavesdropper(theirs);
    await speak(other.port, await openPinned(at(other.port), pinOf(theirs.cert)));
    expect(other.heard()).toContain(secret);
  }
});

test("openPinned() hands out options whose own look refuses a certificate that would be trusted", async () => {
  await using other = await openEavesdropper(theirs);
  const { checkServerIdentity } = await openPinned(at(server.port), pin);
  const believing = { ca: theirs.cert, allowPartialTrustChain: true, checkServerIdentity } as const;
  expect(await byFetch(other.port, believing)).toContain("is not the one that was pinned");
  expect(await bySocket(other.port, believing)).toMatch(/^error: /);
  expect(other.heard()).toBe("");
});

test("createPinnedFetch() keeps its connection for the next request, and takes no other server's", async () => {
  const pinned = createPinnedFetch(await openPinned(at(server.port), pin));
  const ports: unknown[] = [];
  for (let n = 0; n < 3; n += 1) {
    const answer = await pinned(at(server.port), { headers });
    expect(await answer.text()).toBe(secret);
    ports.push(answer.headers.get("x-from-port"));
  }
  expect(new Set(ports).size).toBe(1);

  await using other = await openEavesdropper(theirs);
  await using crossing = await openCrossing(server.port ?? 0, server.port ?? 0, other.port);
  const crossed = createPinnedFetch(await openPinned(at(crossing.port), pin));
  const close = { headers: { ...headers, connection: "close" } };
  expect((await crossed(at(crossing.port), close)).status).toBe(200);
  expect(await crossed(at(crossing.port), close).catch(String)).toMatch(refused);
  expect(other.heard()).toBe("");
});

test("options of one pin open no connection that was made with another", async () => {
  const believing = createPinnedFetch(await openPinned(at(server.port), pin));
  expect((await believing(at(server.port), { headers })).status).toBe(200);
  await using other = await openEavesdropper(theirs);
  const wrong = await openPinned(at(other.port), pinOf(theirs.cert));
  expect(await byFetch(server.port, wrong)).toMatch(refused);
  expect(await createPinnedFetch(wrong)(at(server.port), { headers }).catch(String)).toMatch(
    refused,
  );
});

test("openPinned() refuses a pin without TLS, and a text that is no pin, before it connects", async () => {
  for (const url of ["http://127.0.0.1:1", "ws://127.0.0.1:1", "closet:7171", ""]) {
    const problem = await problemOf(url, pin);
    expect(problem).toMatchObject({ name: "GridError", code: "malformed" });
    expect(String(problem)).toContain("A pin is for an address like https://");
  }
  expect(String(await problemOf(at(1), "sha256:12"))).toContain("has 2 digits, not 64");
});

test("openPinned() says what keeps it from seeing a certificate, as something that may pass", async () => {
  const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const rude = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: { data: (socket) => void socket.end() },
  });
  try {
    const cases: readonly (readonly [number | undefined, string])[] = [
      [1, "nothing listens there"],
      [plain.port, "speaks no TLS"],
      [rude.port, "No server can be recognised"],
    ];
    for (const [port, sentence] of cases) {
      const problem = await problemOf(at(port), pin);
      expect(problem).toBeInstanceOf(UnreachableError);
      expect(String(problem)).toContain(sentence);
    }
  } finally {
    rude.stop(true);
    await plain.stop(true);
  }
});

test("openPinned() ends when it is told to, with the reason that was given", async () => {
  const silent = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => {} } });
  try {
    const stop = new AbortController();
    const reason = new Error("enough");
    const waiting = problemOf(at(silent.port), pin, stop.signal);
    stop.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await problemOf(at(silent.port), pin, stop.signal)).toBe(reason);
  } finally {
    silent.stop(true);
  }
});

test.skipIf(Bun.which("openssl") === null)(
  "openPinned() takes a certificate that an authority signed, and no other of that authority",
  async () => {
    const [one, other] = await signedByOneAuthority();
    const signed = openServer(one);
    try {
      const tls = await openPinned(at(signed.port), pinOf(one.cert));
      expect(await byFetch(signed.port, tls)).toBe(secret);
      expect(await bySocket(signed.port, tls)).toBe(secret);
      await using sibling = await openEavesdropper(other);
      for (const speak of [byFetch, bySocket]) {
        expect(await speak(sibling.port, tls)).toMatch(refused);
      }
      expect(sibling.heard()).toBe("");
    } finally {
      await signed.stop(true);
    }
  },
);

/** Two certificates of an authority that nobody else knows. */
async function signedByOneAuthority() {
  const folder = await mkdtemp(join(tmpdir(), "gridlike-ca-"));
  try {
    const path = (name: string) => join(folder, name);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const ca = [path("ca.pem"), path("ca.key")];
    await Bun.$`openssl req -x509 ${curve} -days 2 -subj /CN=authority -keyout ${ca[1]} -out ${ca[0]}`.quiet();
    const sign = async (name: string) => {
      const [cert, key, request] = ["pem", "key", "csr"].map((end) => path(`${name}.${end}`));
      await Bun.$`openssl req ${curve} -subj /CN=${name} -keyout ${key} -out ${request}`.quiet();
      await Bun.$`openssl x509 -req -in ${request} -CA ${ca[0]} -CAkey ${ca[1]} -CAcreateserial -days 2 -out ${cert}`.quiet();
      return { cert: await readFile(cert ?? "", "utf8"), key: await readFile(key ?? "", "utf8") };
    };
    return [await sign("one"), await sign("other")] as const;
  } finally {
    await rm(folder, { recursive: true });
  }
}
