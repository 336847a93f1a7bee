import { expect, test } from "bun:test";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import { clientRetryCountMax, clientStallMsMax } from "../../../src/client/limits.ts";
import { createFakeServer, errorOf, networkError, problem, problemWith } from "./fake-server.ts";

const text = "0123456789".repeat(10);
const bytes = new TextEncoder().encode(text);
const etag = `"${sha256Hex(bytes)}"`;
const other = `"${"0".repeat(64)}"`;

type End = "close" | "error" | AbortSignal;

/** A body that ends as told after its bytes, or never goes on until a signal ends it. */
function body(part: Uint8Array, end: End) {
  let isSent = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!isSent) {
          isSent = true;
          controller.enqueue(part);
        } else if (end === "error") controller.error(new TypeError("terminated"));
        else if (end === "close") controller.close();
        else {
          await new Promise((resolve) => end.addEventListener("abort", resolve));
          controller.error(end.reason);
        }
      },
    },
    { highWaterMark: 0 },
  );
}

function whole(part = bytes, end: End = "close", mark = etag) {
  return new Response(body(part, end), { headers: { etag: mark } });
}

function rest(from: number, mark = etag) {
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  const headers = { etag: mark, "content-range": range };
  return new Response(bytes.subarray(from), { status: 206, headers });
}

test("payload() goes on where a download broke off, if the bytes are the same", async () => {
  const { client, seen, settle } = createFakeServer((_, n) =>
    n === 1 ? whole(bytes.subarray(0, 30), "error") : rest(30),
  );
  expect(new TextDecoder().decode(await settle(client.payload("k")))).toBe(text);
  expect(seen).toHaveLength(2);
  expect(seen[0]?.headers.get("range")).toBeNull();
  expect(seen[1]?.headers.get("range")).toBe("bytes=30-");
  expect(seen[1]?.headers.get("if-range")).toBe(etag);
});

test("payload() goes on through many breaks, each of which brings something", async () => {
  const size = 4;
  const { client, seen, settle } = createFakeServer(({ headers }) => {
    const start = Number(/bytes=(\d+)-/.exec(headers.get("range") ?? "bytes=0-")?.[1]);
    const part = bytes.subarray(start, start + size);
    const end = start + size >= bytes.length ? "close" : "error";
    const range = { etag, "content-range": `bytes ${start}-99/100` };
    return new Response(body(part, end), {
      status: start === 0 ? 200 : 206,
      headers: range,
    });
  });
  expect(new TextDecoder().decode(await settle(client.payload("k")))).toBe(text);
  expect(seen.length).toBe(bytes.length / size);
  expect(seen.length).toBeGreaterThan(clientRetryCountMax * 2);
});

test("payload() skips what it has when the server sends the whole again", async () => {
  const { client, settle } = createFakeServer((_, n) =>
    n === 1 ? whole(bytes.subarray(0, 30), "error") : whole(),
  );
  expect(new TextDecoder().decode(await settle(client.payload("k")))).toBe(text);
});

test("payload() does not put together two different things", async () => {
  for (const second of [
    () => whole(bytes, "close", other),
    () => rest(30, other),
    () => rest(31),
  ]) {
    const { client, seen, settle } = createFakeServer((_, n) =>
      n === 1 ? whole(bytes.subarray(0, 30), "error") : second(),
    );
    expect(await errorOf(settle(client.payload("k")))).toMatchObject({ code: "digest-mismatch" });
    expect(seen).toHaveLength(2);
  }
});

test("payload() goes on when nothing comes any more", async () => {
  const { client, clock, settle } = createFakeServer(
    ({ signal }, n) => (n === 1 ? whole(bytes.subarray(0, 30), signal) : rest(30)),
    { fraction: 0 },
  );
  expect(new TextDecoder().decode(await settle(client.payload("k")))).toBe(text);
  expect(clock.monotonicMs()).toBe(clientStallMsMax);
  expect(clock.timerCount()).toBe(0);
});

test("payload() knows that it has all when only the end got lost", async () => {
  const outside = { status: 416, code: "range-not-satisfiable", info: { size: bytes.length } };
  const { client, settle } = createFakeServer((_, n) =>
    n === 1 ? whole(bytes, "error") : problemWith(outside),
  );
  expect(new TextDecoder().decode(await settle(client.payload("k")))).toBe(text);
});

test("payload() gives up when the server has forgotten the bytes, or stays away", async () => {
  const gone = createFakeServer((_, n) =>
    n === 1 ? whole(bytes.subarray(0, 30), "error") : problem(410, "bytes-forgotten"),
  );
  expect(await errorOf(gone.settle(gone.client.payload("k")))).toMatchObject({
    code: "bytes-forgotten",
  });
  const away = createFakeServer((_, n) =>
    n === 1 ? whole(bytes.subarray(0, 30), "error") : networkError(),
  );
  expect(await errorOf(away.settle(away.client.payload("k")))).toMatchObject({
    code: "unreachable",
  });
});

test("payload() refuses bytes that are not those announced", async () => {
  const damaged = bytes.with(50, 0);
  const { client, seen, settle } = createFakeServer(() => whole(damaged));
  expect(await errorOf(settle(client.payload("k")))).toMatchObject({ code: "digest-mismatch" });
  expect(seen).toHaveLength(1);
  const digest = `sha-256=:${Buffer.from(sha256Hex(damaged), "hex").toString("base64")}:`;
  const compressed = createFakeServer(
    () => new Response(damaged, { headers: { etag: 'W/"x"', "repr-digest": digest } }),
  );
  expect(await compressed.settle(compressed.client.payload("k"))).toEqual(damaged);
});

test("payload() refuses bytes of which nothing is announced", async () => {
  const { client, settle } = createFakeServer(() => new Response("sign in"));
  expect(await errorOf(settle(client.payload("k")))).toMatchObject({ code: "unreachable" });
});

test("openPayload() streams, and its stream fails at the end when the bytes are wrong", async () => {
  const { client, settle } = createFakeServer(() => whole(bytes.with(0, 1)));
  const { stream, sha256 } = await settle(client.openPayload("k"));
  expect(`"${sha256}"`).toBe(etag);
  const reader = stream.getReader();
  expect((await reader.read()).value).toHaveLength(bytes.length);
  expect(await errorOf(reader.read())).toMatchObject({ code: "digest-mismatch" });
});

test("openPayload() lets go of the connection when its stream is cancelled", async () => {
  const { client, clock, seen, settle } = createFakeServer(({ signal }) => whole(bytes, signal));
  const { stream } = await settle(client.openPayload("k"));
  await stream.cancel();
  expect(seen[0]?.signal.aborted).toBe(true);
  expect(clock.timerCount()).toBe(0);
});
