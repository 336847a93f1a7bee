// What a v2 worker in any language must show against a server that plays its part of docs/protocol, and against one
// that plays it badly. Each worker's test file hands in how its program is started.

import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeFrame, encodeMessage } from "../../src/protocol/frame.ts";
import { createServerPlayer } from "./play-server.ts";
import { openRawUpgrade, serverFrame, type ClientFrame } from "./raw-upgrade.ts";
import { openRealServer, realWorkerToken } from "./real-server.ts";
import type { FrameVector, Line } from "./transcript-lines.ts";
import { frameOf, readFrameVectors, readTranscript, transcriptsForWorkers } from "./vectors.ts";
import { openGate, playWorker, startWorker, token } from "./worker-under-test.ts";

const cleanups: (() => void)[] = [];

/** How it ends: 0 when it was asked to stop, 4 when it is of no use to try again. */
const exitCodes: { readonly [name: string]: number } = {
  "malformed-server": 4,
  "missing-subprotocol": 4,
  "wrong-token": 4,
};

export function testWorker(program: string, words: readonly string[]): void {
  // Here and not above: one process may run the tests of several workers, and loads this file once.
  afterEach(() => {
    for (const clean of cleanups.splice(0)) clean();
  });
  testAgainstRealServer(program, words);

  for (const name of transcriptsForWorkers()) {
    test(`${program} keeps to ${name} [GL-89]`, async () => {
      const options = {
        ...(name === "wrong-token" && { token: "another one" }),
        ...(name === "cloned" && { sockets: [2] }),
      };
      const { exitCode, said } = await playWorker(readTranscript(name), words, options);
      expect(exitCode, said).toBe(exitCodes[name] ?? 0);
    });
  }

  test(`${program} refuses every frame that is refused`, async () => {
    const bad = readFrameVectors().filter((vector) => "close" in vector);
    expect(bad.length).toBeGreaterThan(10);
    // Two at a time: each is a process that starts, connects and gives up.
    for (let at = 0; at < bad.length; at += 2) {
      await Promise.all(
        bad.slice(at, at + 2).map(async (vector) => {
          const { exitCode, said } = await playWorker(endingWith(vector), words);
          expect(exitCode, `${vector.note} ${said}`).toBe(4);
        }),
      );
    }
  });

  test(`${program} puts fragments together, whatever pieces they come in, and answers pings between them`, async () => {
    await using server = await openRawUpgrade("gridlike.v2");
    const worker = startWorker(words, {
      url: server.url,
      folder: makeFolder(),
      slots: 1,
      window: 1,
    });
    cleanups.push(() => worker.kill("SIGKILL"));
    expect(opsOf(await server.next())).toEqual(["hello"]);
    const times = { heartbeat_ms: 10_000, lease_ms: 35_000, frame_body_bytes_max: 65_536 };
    const header = { op: "welcome", server: "closet", incarnation: 1, ...times };
    const welcome = encodeMessage(header);
    const pieces = [
      serverFrame(2, welcome.subarray(0, 5), "more"),
      serverFrame(9, "between"),
      serverFrame(0, welcome.subarray(5, 5), "more"),
      serverFrame(0, welcome.subarray(5)),
      serverFrame(9, ""),
    ];
    for (const byte of Buffer.concat(pieces)) server.write(Buffer.from([byte]));
    const heard = [await server.next(), await server.next(), await server.next()];
    const pongs = heard.filter(({ opcode }) => opcode === 10).map(({ data }) => data.toString());
    expect(pongs).toEqual(["between", ""]);
    expect(heard.filter(({ opcode }) => opcode === 2).flatMap(opsOf)).toEqual(["ready"]);
    expect(heard.every(({ isMasked }) => isMasked)).toBe(true);
    server.write(serverFrame(8, Buffer.from([4403 >> 8, 4403 & 255])));
    expect((await server.next()).opcode).toBe(8);
    expect(await worker.exited).toBe(4);
  });

  test(`${program} takes every frame that is good`, async () => {
    const good = readFrameVectors().filter((vector) => "messages" in vector);
    const hello = readTranscript("first-job").slice(0, 5);
    const rest = readTranscript("first-job").slice(5);
    const frames = good.map(sayBytes);
    const { exitCode, said } = await playWorker([...hello, ...frames, ...rest], words);
    expect(exitCode, said).toBe(0);
  });

  test.skipIf(Bun.which("openssl") === null)(
    `${program} speaks TLS to a server whose certificate it trusts, or that fits the pin`,
    async () => {
      const { tls, pin } = makeCertificate();
      for (const more of [
        ["--pin", pin],
        ["--pin", shout(pin)],
        ["--ca-file", tls.cert],
      ]) {
        const { exitCode, said } = await playWorker(readTranscript("large"), words, { tls, more });
        expect(exitCode, said).toBe(0);
      }
    },
  );

  test.skipIf(Bun.which("openssl") === null)(
    `${program} says nothing to a server whose certificate is another one`,
    async () => {
      const { tls } = makeCertificate();
      const { pin } = makeCertificate();
      await using server = createServerPlayer({ token, tls });
      const folder = makeFolder();
      const sizes = { slots: 1, window: 1 };
      const given = { url: server.url, folder, ...sizes, more: ["--pin", pin] };
      const worker = startWorker(words, given);
      const said = await worker.stderr.text();
      expect(await worker.exited).toBe(4);
      expect(said).toContain("not the pinned one");
      expect(server.askedCount()).toBe(0);
    },
  );
}

/** The real server: jobs of all sizes, a failure, and a restart while a job runs. */
function testAgainstRealServer(program: string, words: readonly string[]): void {
  test(`${program} works for the real server, and goes on after its restart [GL-89]`, async () => {
    await using server = await openRealServer("[jobs]\nmax_attempts = 1\n");
    const url = `${server.api.replace("http", "ws")}/worker`;
    const folder = makeFolder();
    const sizes = { slots: 2, window: 4 };
    const worker = startWorker(words, { url, folder, ...sizes, token: realWorkerToken });
    cleanups.push(() => worker.kill("SIGKILL"));
    const large = "large ".repeat(50_000);
    const resultOf = (key: string) => server.call(`/jobs/${key}/result?wait_s=20`);

    for (const key of ["one", "two", "three", "four", "five"]) await server.submit(key);
    await server.submit("large", large);
    await server.submit("open", "fail");
    expect(await (await resultOf("five")).text()).toBe("FIVE");
    expect(await (await resultOf("large")).text()).toBe(large.toUpperCase());
    expect((await resultOf("open")).status).toBe(409);

    await server.submit("long", "wait long");
    // The pipe is made by the program: it runs.
    while (!existsSync(join(folder, "wait long"))) await server.call("/jobs/long?wait_s=1");
    await server.stop();
    await server.start();
    await openGate(folder, "wait long");
    expect(await (await resultOf("long")).text()).toBe("WAIT LONG");
    const job = (await (await server.call("/jobs/long")).json()) as { readonly attempts: number };
    expect(job.attempts).toBe(1);

    worker.kill("SIGTERM");
    expect(await worker.exited, await worker.stderr.text()).toBe(0);
  });
}

/** A conversation whose last word of the server is this frame. */
function endingWith(vector: FrameVector): readonly Line[] {
  const hello = readTranscript("malformed-server").slice(0, -2);
  return [...hello, sayBytes(vector), readTranscript("malformed-server").at(-1)!];
}

function opsOf({ data }: ClientFrame): readonly string[] {
  return decodeFrame(data).map(({ header }) => header.op);
}

function sayBytes(vector: FrameVector): Line {
  return { from: "server", socket: 1, bytes_hex: frameOf(vector).toHex() };
}

function makeCertificate() {
  const folder = makeFolder();
  const tls = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const where = ["-keyout", tls.key, "-out", tls.cert];
  const made = Bun.spawnSync(["openssl", "req", ...kind, ...name, ...where]);
  expect(made.exitCode, made.stderr.toString()).toBe(0);
  const shown = Bun.spawnSync(["openssl", "x509", "-in", tls.cert, "-outform", "DER"]);
  const pin = `sha256:${new Bun.CryptoHasher("sha256").update(shown.stdout).digest("hex")}`;
  return { tls, pin };
}

/** As openssl prints it. */
function shout(pin: string): string {
  const digits = pin.replace("sha256:", "").toUpperCase();
  return `sha256:${digits.replaceAll(/..(?=.)/g, "$&:")}`;
}

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "gridlike-test-"));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
