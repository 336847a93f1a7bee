// Large bytes over real connections that break, against the server's own doors where they matter.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransfers } from "../../../src/agent/transfer/transfer.ts";
import type { WebFetch } from "../../../src/platform/web-fetch.ts";
import { createSha256 } from "../../../src/blobs/hashing.ts";
import { quietLinkMs } from "../../../src/domain/limits-worker.ts";
import { createSystemClock, type Clock } from "../../../src/platform/clock.ts";
import { createMemoryPressure } from "../../../src/platform/memory-pressure.ts";
import { createSystemRandom } from "../../../src/platform/random.ts";
import { createMemoryPartStore } from "../../../src/blobs/memory/memory-part-store.ts";
import type { PartStore } from "../../../src/blobs/part-store.ts";
import { openDoor, aType, workerToken, type DoorOptions } from "../../support/http-door.ts";
import { sha256 } from "../../support/scripted-server.ts";

const folders: string[] = [];
function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-transfer-"));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const someBytes = (size: number) =>
  new Uint8Array(size).map((_, at) => (at * 31 + (at >> 8)) & 255);

/** Pauses between tries cost no time here. */
function transfersTo(
  apiUrl: string,
  fetch: WebFetch = (url, init) => globalThis.fetch(url, init),
  clock: Partial<Clock> = {},
) {
  return createTransfers({
    fetch,
    apiUrl: `${apiUrl}/`,
    clock: { ...createSystemClock(), sleep: () => Promise.resolve(), ...clock },
    random: createSystemRandom(),
    createHash: createSha256,
    pressure: createMemoryPressure(),
  });
}

/** A claimed job of the real server: its attempt's address and token. */
async function claimed(payload: Uint8Array<ArrayBuffer>, options: DoorOptions = {}) {
  const types = [aType({ payloadBytesMax: 8 * 1024 * 1024 })];
  const door = await openDoor({ types, ...options });
  await door.call("/jobs/submit?key=k", { method: "POST", body: payload });
  const answer = await door.call("/work/claim", {
    method: "POST",
    headers: { "X-API-KEY": workerToken },
  });
  await answer.bytes();
  const job = answer.headers.get("gridlike-job") ?? "";
  const token = answer.headers.get("gridlike-attempt-token") ?? "";
  const url = `work/${job}/1/payload`;
  return {
    door,
    job,
    attempt: 1,
    token,
    url,
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

/** Cuts the body of the first answers after so many bytes. */
function cutting(cuts: number[]): WebFetch {
  return async (url, init) => {
    const answer = await fetch(url, init);
    const cut = cuts.shift();
    if (cut === undefined || answer.body === null) return answer;
    const reader = answer.body.getReader();
    let left = cut;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done || left <= 0) return controller.error(new Error("the cable was cut"));
        controller.enqueue(value.subarray(0, left));
        left -= value.length;
      },
      cancel: () => reader.cancel(),
    });
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
}

test("download() brings a payload into a private file, in as many pieces as the network makes of it", async () => {
  const payload = someBytes(3_000_000);
  await using work = await claimed(payload);
  const ranges: (string | null)[] = [];
  const cut = cutting([1_000_000, 500_000]);
  const transfers = transfersTo(work.door.api, (url, init) => {
    ranges.push(new Headers(init.headers).get("range"));
    return cut(url, init);
  });
  const path = join(aFolder(), "payload");
  const wanted = { ...work, sha256: sha256(payload), size: payload.length, path };
  expect(await transfers.download(wanted, never)).toEqual({ kind: "done" });
  expect(sha256(readFileSync(path))).toBe(sha256(payload));
  expect(ranges.length).toBe(3);
  expect(ranges[1]).toMatch(/^bytes=\d+-$/);
});

test("download() refuses bytes that do not fit their hash again and again, or are too many", async () => {
  const payload = someBytes(100_000);
  await using work = await claimed(payload);
  const transfers = transfersTo(work.door.api);
  for (const wrong of [
    { sha256: sha256("other"), size: payload.length },
    { sha256: sha256(payload), size: payload.length - 1 },
  ]) {
    const wanted = { ...work, ...wrong, path: join(aFolder(), "payload") };
    expect(await transfers.download(wanted, never)).toMatchObject({ code: "digest-mismatch" });
  }
});

test("download() says what the server says of a wrong token", async () => {
  await using work = await claimed(someBytes(10));
  const wanted = { ...work, sha256: sha256("x"), size: 1, path: join(aFolder(), "payload") };
  const wrong = { ...wanted, token: "0".repeat(64) };
  expect(await transfersTo(work.door.api).download(wrong, never)).toMatchObject({
    code: "forbidden",
  });
});

test("download() shows the token to the server alone, and goes back to it when a place elsewhere fails", async () => {
  const payload = someBytes(1000);
  await using work = await claimed(payload);
  const tokens: (string | null)[] = [];
  using elsewhere = Bun.serve({
    port: 0,
    fetch(request) {
      tokens.push(request.headers.get("gridlike-attempt-token"));
      const { pathname } = new URL(request.url);
      return pathname === "/expired" ? new Response("no", { status: 403 }) : new Response("other");
    },
  });
  const transfers = transfersTo(work.door.api);
  for (const place of ["expired", "other-bytes"]) {
    const path = join(aFolder(), "payload");
    const url = new URL(place, elsewhere.url).href;
    const wanted = { ...work, url, sha256: sha256(payload), size: payload.length, path };
    expect([place, await transfers.download(wanted, never)]).toEqual([place, { kind: "done" }]);
    expect(sha256(readFileSync(path))).toBe(sha256(payload));
  }
  expect(tokens).toEqual([null, null]);
  for (const url of ["file:///etc/hostname", "http://user:word@127.0.0.1/", "http:"]) {
    const path = join(aFolder(), "payload");
    const wanted = { ...work, url, sha256: sha256(payload), size: payload.length, path };
    expect([url, (await transfers.download(wanted, never)).kind]).toEqual([url, "refused"]);
  }
});

test("download() ends at once when nobody waits for it", async () => {
  await using work = await claimed(someBytes(10));
  const stop = new AbortController();
  const transfers = transfersTo(work.door.api, (_url, init) => {
    stop.abort();
    return new Promise((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      if (init.signal?.aborted === true) reject(new Error("aborted"));
    });
  });
  const wanted = { ...work, sha256: sha256("x"), size: 1, path: join(aFolder(), "payload") };
  expect(await transfers.download(wanted, stop.signal)).toEqual({ kind: "stopped" });
});

const committed = { kind: "receipt", verdict: "committed" } as const;

async function aResult(size: number, options: DoorOptions = {}) {
  const work = await claimed(someBytes(10), options);
  const bytes = someBytes(size);
  const path = join(aFolder(), "result");
  writeFileSync(path, bytes);
  const { job, token } = work;
  const made = { job, attempt: 1, token, path, sha256: sha256(bytes), size, contentType: "a/b" };
  return { ...work, made, bytes };
}

test("upload() sends a result, and the server's verdict is the receipt", async () => {
  await using work = await aResult(3_000_000);
  const transfers = transfersTo(work.door.api);
  expect(await transfers.upload(work.made, never)).toEqual(committed);
  const result = await work.door.call("/jobs/k/result");
  expect([result.headers.get("content-type"), sha256(await result.bytes())]).toEqual([
    "a/b",
    work.made.sha256,
  ]);
  // Told again, because the answer was lost.
  expect(await transfers.upload(work.made, never)).toEqual(committed);
});

test("upload() goes on where the server stopped hearing", async () => {
  const parts = createMemoryPartStore({ clock: createSystemClock() });
  let onWritten = () => {};
  const partStore: PartStore = {
    ...parts,
    async append(name, at) {
      const writer = await parts.append(name, at);
      const write = async (chunk: Uint8Array) => {
        await writer.write(chunk);
        onWritten();
      };
      return { ...writer, write };
    },
  };
  await using work = await aResult(4_000_000, { partStore });
  const sent: string[] = [];
  let cuts = 2;
  const transfers = transfersTo(work.door.api, async (url, init) => {
    sent.push(`${init.method} ${new Headers(init.headers).get("content-range") ?? ""}`.trim());
    if (init.method !== "PUT" || cuts === 0) return fetch(url, init);
    cuts -= 1;
    const cable = new AbortController();
    onWritten = () => cable.abort(new Error("the cable was cut"));
    return fetch(url, { ...init, signal: cable.signal });
  });
  expect(await transfers.upload(work.made, never)).toEqual(committed);
  const puts = sent.filter((line) => line.startsWith("PUT"));
  expect(puts[0]).toBe("PUT bytes 0-3999999/4000000");
  expect(puts.at(-1)).toMatch(/^PUT bytes [1-9][0-9]*-3999999\/4000000$/);
  const result = await work.door.call("/jobs/k/result");
  expect(sha256(await result.bytes())).toBe(work.made.sha256);
});

test("upload() sends anew what has not moved for a while when the way to the server was lost", async () => {
  await using work = await aResult(100_000);
  let atMs = 0;
  let hangs = 1;
  let onHang = () => {};
  const hung = new Promise<void>((resolve) => (onHang = resolve));
  const forgetful: WebFetch = (url, init) => {
    if (init.method !== "PUT" || hangs === 0) return fetch(url, init);
    hangs -= 1;
    onHang();
    return new Promise((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  };
  const transfers = transfersTo(work.door.api, forgetful, { monotonicMs: () => atMs });
  let nudge = () => {};
  let tryCount = 0;
  const ended = transfers.upload(work.made, never, (leash) => {
    tryCount += 1;
    nudge = leash.nudge;
  });
  await hung;
  nudge();
  await new Promise(setImmediate);
  expect(tryCount).toBe(1); // It may have moved a moment ago.
  atMs += quietLinkMs;
  nudge();
  expect(await ended).toEqual(committed);
  expect(tryCount).toBe(2);
});

test("upload() tells what can never be taken from what may be taken later", async () => {
  await using work = await aResult(100_000);
  const answering = (status: number, code: string | null) =>
    transfersTo(work.door.api, async (url, init) => {
      if (init.method === "HEAD") return fetch(url, init);
      const problem = { title: "t", status, detail: "d", code, info: {} };
      return new Response(code === null ? "<html>" : JSON.stringify(problem), { status });
    }).upload(work.made, never);
  expect(await answering(413, "payload-too-large")).toMatchObject({ code: "payload-too-large" });
  expect(await answering(507, "disk-low")).toMatchObject({ code: "disk-low" });
  expect(await answering(403, "forbidden")).toMatchObject({ code: "forbidden" });
  // It came too slowly, which may be the cable's fault.
  expect(await answering(400, "malformed")).toMatchObject({ code: "unreachable" });
  // Something between the two answered, or the server will be better soon.
  expect(await answering(403, null)).toMatchObject({ code: "unreachable" });
  expect(await answering(503, "overloaded")).toMatchObject({ code: "unreachable" });
  expect(await answering(200, null)).toMatchObject({ code: "unreachable" });
});

test("upload() does not pass off a damaged file as the result", async () => {
  await using work = await aResult(100_000);
  writeFileSync(work.made.path, someBytes(100_000).toReversed());
  const transfers = transfersTo(work.door.api);
  expect(await transfers.upload(work.made, never)).toMatchObject({ code: "digest-mismatch" });
  writeFileSync(work.made.path, "short");
  expect(await transfers.upload(work.made, never)).toMatchObject({ code: "digest-mismatch" });
});
