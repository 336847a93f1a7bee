import { expect, test } from "bun:test";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { Problem } from "../../src/protocol/problem.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openRaw } from "../support/raw-http.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { openWorker } from "../support/ws-worker.ts";

const encoder = new TextEncoder();
// Small ones are answered from memory, large ones as a stream from the blob store.
const sizes = { small: "0123456789", large: "0123456789".repeat(1000) };
type Size = keyof typeof sizes;

async function aDoorWith(size: Size): Promise<Door> {
  const door = await openDoor();
  await door.submit("k", sizes[size]);
  return door;
}

const get = (door: Door, headers: Record<string, string> = {}, method = "GET") =>
  door.call("/jobs/k/payload", { method, headers });

test.each(["small", "large"] as const)(
  "GET payload answers with the %s bytes and their marks [GL-13]",
  async (size) => {
    await using door = await aDoorWith(size);
    const answer = await get(door);
    const sha256 = sha256Hex(encoder.encode(sizes[size]));
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(sizes[size]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: `"${sha256}"`,
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename=\"k.payload\"; filename*=UTF-8''k.payload",
      "content-security-policy": "sandbox",
      "repr-digest": `sha-256=:${Uint8Array.fromHex(sha256).toBase64()}:`,
      "x-content-type-options": "nosniff",
    });
  },
);

test.each(["small", "large"] as const)(
  "HEAD payload tells size and marks of %s bytes without sending them",
  async (size) => {
    await using door = await aDoorWith(size);
    const answer = await get(door, { range: "bytes=0-1" }, "HEAD");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-length")).toBe(`${sizes[size].length}`);
    expect(answer.headers.get("etag")).toBe((await get(door)).headers.get("etag"));
  },
);

test.each(["small", "large"] as const)("Range picks a part of %s bytes", async (size) => {
  await using door = await aDoorWith(size);
  const whole = sizes[size];
  const end = whole.length;
  const parts: readonly (readonly [string, number, number])[] = [
    ["bytes=0-0", 0, 1],
    ["bytes=2-5", 2, 6],
    ["bytes=5-", 5, end],
    ["bytes=-3", end - 3, end],
    [`bytes=-${end + 5}`, 0, end],
    [`bytes=${end - 1}-${end + 100}`, end - 1, end],
    ["BYTES=1-2", 1, 3],
  ];
  for (const [range, from, to] of parts) {
    const answer = await get(door, { range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${end}`);
    expect(await answer.text()).toBe(whole.slice(from, to));
  }
  for (const range of [`bytes=${end}-`, "bytes=-0", `bytes=${end + 5}-${end + 9}`]) {
    const answer = await get(door, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get("content-range")).toBe(`bytes */${end}`);
    expect((await answer.json()) as Problem).toMatchObject({ code: "range-not-satisfiable" });
  }
  // What is no single range of bytes is no question: the whole answers it.
  for (const range of [
    "bytes=5-2",
    "bytes=0-1,3-4",
    "bytes=x-y",
    "bytes=-",
    "lines=1-2",
    "bytes 1-2",
  ]) {
    const answer = await get(door, { range });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(whole);
  }
});

test("If-Range gives the part only of the same bytes", async () => {
  await using door = await aDoorWith("large");
  const etag = (await get(door)).headers.get("etag") ?? "";
  const status = async (mark: string) =>
    (await get(door, { range: "bytes=0-1", "if-range": mark })).status;
  expect(await status(etag)).toBe(206);
  expect(await status(`"${"0".repeat(64)}"`)).toBe(200);
  expect(await status(`W/${etag}`)).toBe(200);
  expect(await status("Wed, 21 Oct 2026 07:28:00 GMT")).toBe(200);
});

test("If-None-Match answers 304 to whoever has the bytes", async () => {
  await using door = await aDoorWith("large");
  const etag = (await get(door)).headers.get("etag") ?? "";
  for (const mark of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const answer = await get(door, { "if-none-match": mark });
    expect(answer.status).toBe(304);
    expect(answer.headers.get("etag")).toBe(etag);
    expect(await answer.text()).toBe("");
  }
  expect((await get(door, { "if-none-match": '"x"' })).status).toBe(200);
});

test("empty bytes are bytes, of which no part can be asked for", async () => {
  await using door = await openDoor();
  await door.submit("k", "");
  expect(await (await get(door)).text()).toBe("");
  expect((await get(door, { range: "bytes=0-" })).status).toBe(416);
  expect((await get(door, { range: "bytes=-5" })).status).toBe(416);
});

test("bytes keep the media type they came with, and a name made of their key", async () => {
  await using door = await openDoor();
  await door.submit('a/ü "b"\\(1)', "<script>", "&content_type=text%2Fhtml");
  const answer = await door.call(`/jobs/${encodeURIComponent('a/ü "b"\\(1)')}/payload`);
  expect(answer.headers.get("content-type")).toBe("text/html");
  expect(answer.headers.get("content-disposition")).toBe(
    `attachment; filename="a__ _b___1_.payload"; filename*=UTF-8''a_%C3%BC%20%22b%22_%281%29.payload`,
  );
  expect(answer.headers.get("content-security-policy")).toBe("sandbox");
});

test("GET result answers with the result once the job is done [GL-12]", async () => {
  await using door = await openDoor();
  await door.submit("k", "ask");
  const early = await door.call("/jobs/k/result");
  expect(early.status).toBe(409);
  expect(early.headers.get("retry-after")).toBe("1");
  expect(await early.json()).toMatchObject({ code: "not-done", info: { status: "pending" } });
  const waiting = door.call("/jobs/k/result?wait_s=30");
  using worker = await openWorker(door.api);
  await worker.nextPayload();
  worker.send(encoder.encode("answer".repeat(50)));
  const answer = await waiting;
  expect(await answer.text()).toBe("answer".repeat(50));
  expect(answer.headers.get("content-disposition")).toContain("k.result");
  expect((await door.call("/jobs/k/result", { headers: { range: "bytes=0-5" } })).status).toBe(206);
});

test("GET result of a job that has none for good says its own reason", async () => {
  await using door = await openDoor({ types: [aType({ maxAttempts: 1 })] });
  using worker = await openWorker(door.api);
  await door.submit("fails");
  await worker.nextPayload();
  worker.send(JSON.stringify({ code: 4, info: "no memory", logs: null }));
  const failed = await door.call("/jobs/fails/result?wait_s=30");
  expect(failed.status).toBe(409);
  expect(failed.headers.get("retry-after")).toBeNull();
  expect(await failed.json()).toMatchObject({
    code: "not-done",
    detail: expect.stringContaining("no memory"),
    info: { status: "failed", info: "no memory", reason: expect.any(String) },
  });
  await door.submit("gone", "x", "&hold=1");
  await door.call("/jobs/gone/cancel", { method: "POST" });
  const cancelled = await door.call("/jobs/gone/result");
  expect(await cancelled.json()).toMatchObject({ code: "not-done", info: { status: "cancelled" } });
});

test("end_of_chain=1 follows successors to the last result [GL-17]", async () => {
  const types = [aType({ name: "a", resultBecomes: "b" }), aType({ name: "b" })];
  await using door = await openDoor({ types });
  const waiting = door
    .call("/jobs/submit/a?key=k", { method: "POST", body: "1" })
    .then(() => door.call("/jobs/k/result?wait_s=30&end_of_chain=1"));
  using first = await openWorker(door.api, "a");
  using second = await openWorker(door.api, "b");
  first.send(encoder.encode(`${await first.nextPayload()}2`));
  second.send(encoder.encode(`${await second.nextPayload()}3`));
  expect(await (await waiting).text()).toBe("123");
  expect(await (await door.call("/jobs/k/result")).text()).toBe("12");
  const at = await door.call("/jobs/k/result?end_of_chain=1");
  expect(await at.text()).toBe("123");
});

test("bytes that are gone are bytes-forgotten", async () => {
  await using door = await aDoorWith("large");
  for (const { name } of await door.blobs.list(null, 10)) await door.blobs.delete(name);
  const answer = await get(door);
  expect(answer.status).toBe(410);
  expect(await answer.json()).toMatchObject({ code: "bytes-forgotten" });
});

/** Puts a stream without end in the place of the bytes, and tells when it is let go of. */
function endless(door: Door, chunkBytes: number) {
  const freed = Promise.withResolvers<void>();
  let given = 0;
  const open = async () =>
    new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          given += chunkBytes;
          controller.enqueue(new Uint8Array(chunkBytes));
        },
        cancel: () => freed.resolve(),
      },
      { highWaterMark: 0 },
    );
  Object.assign(door.broker, { open });
  return { freed: freed.promise, given: () => given };
}

const request =
  "GET /api/jobs/k/payload HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: api-key-of-the-tests\r\n\r\n";

test("a download is freed when its reader vanishes", async () => {
  await using door = await aDoorWith("large");
  const bytes = endless(door, 100_000);
  using raw = await openRaw(door.listener.port);
  raw.send(request);
  await raw.until("200 OK");
  raw.reset();
  await bytes.freed;
});

test("a download is read no faster than its reader takes it, and freed when that stands still", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  await door.submit("k", sizes.large);
  const bytes = endless(door, 1_000_000);
  using raw = await openRaw(door.listener.port);
  raw.pause();
  raw.send(request);
  let isFreed = false;
  void bytes.freed.then(() => (isFreed = true));
  // What fits between the two is taken at first; then nothing moves, and two windows end it.
  while (!isFreed) {
    await new Promise(setImmediate);
    clock.advance(60_000);
  }
  expect(bytes.given()).toBeLessThan(64_000_000);
}, 15_000);

test("a download whose bytes break off never looks complete", async () => {
  await using door = await aDoorWith("large");
  let left = 3;
  const open = async () =>
    new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await new Promise(setImmediate);
        left -= 1;
        if (left < 0) throw new Error("the disk broke");
        controller.enqueue(new Uint8Array(50_000));
      },
    });
  Object.assign(door.broker, { open });
  using raw = await openRaw(door.listener.port);
  raw.send(request);
  const text = await raw.closed();
  expect(text).toStartWith("HTTP/1.1 200 OK");
  expect(text).toContain("Transfer-Encoding: chunked");
  expect(text).not.toContain("\r\n0\r\n\r\n");
  expect(text).not.toContain("the disk broke");
});
