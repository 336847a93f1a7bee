import { expect, test } from "bun:test";
import { createSha256 } from "../../src/blobs/hashing.ts";
import { createMemoryPartStore } from "../../src/blobs/memory/memory-part-store.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import type { WireJob } from "../../src/protocol/http-api.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { claim, type Claimed } from "../support/pull-worker.ts";
import { openRaw } from "../support/raw-http.ts";

const codeOf = async (answer: Response) =>
  ((await answer.json()) as { readonly code: string }).code;
const offsetOf = (answer: Response) => answer.headers.get("upload-offset");
const resultOf = async (door: Door, key = "k") =>
  (await door.call(`/jobs/${key}/result?wait_s=30`)).text();
const digestOf = (bytes: string) => {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(bytes));
  return `sha-256=:${Uint8Array.fromHex(hash.hex()).toBase64()}:`;
};

async function aWorkingDoor(types = [aType()]) {
  const { partStore, written } = aNoticingStore();
  const door = await openDoor({ types, partStore });
  await door.submit("k");
  return { door, worker: await claim(door), written };
}

/** Sends the bytes of `whole` from `start` up to `end`. */
function send(worker: Claimed, whole: string, start: number, end: number, headers = {}) {
  const range = `bytes ${start}-${end - 1}/${whole.length}`;
  return worker.put(whole.slice(start, end), { "Content-Range": range, ...headers });
}

async function stands(worker: Claimed): Promise<string | null> {
  const head = await worker.call("result", { method: "HEAD" });
  expect(head.status).toBe(200);
  return offsetOf(head);
}

/** Begins a part, and sends less of it than it says. */
async function begin(door: Door, worker: Claimed, whole: string, start: number, sent: number) {
  const raw = await openRaw(door.listener.port);
  const lines = [
    `PUT /api/work/${worker.id}/${worker.attempt}/result HTTP/1.1`,
    "Host: localhost",
    `Gridlike-Attempt-Token: ${worker.token}`,
    `Content-Range: bytes ${start}-${whole.length - 1}/${whole.length}`,
    `Content-Length: ${whole.length - start}`,
  ];
  raw.send(`${lines.join("\r\n")}\r\n\r\n${whole.slice(start, start + sent)}`);
  return raw;
}

const whole = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("");
const middle = Math.floor(whole.length / 2);

test("PUT result takes the whole in parts, and says after each how far it is", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  expect(await stands(worker)).toBe("0");
  const first = await send(worker, whole, 0, middle, {
    "Content-Digest": digestOf(whole.slice(0, middle)),
  });
  expect([first.status, offsetOf(first)]).toEqual([202, String(middle)]);
  expect(await first.json()).toEqual({ upload_offset: middle });
  const head = await worker.call("result", { method: "HEAD" });
  expect(Object.fromEntries(head.headers)).toMatchObject({
    "upload-offset": String(middle),
    "upload-length": String(whole.length),
    "upload-complete": "?0",
  });
  const last = await send(worker, whole, middle, whole.length, { "Content-Type": "text/plain" });
  expect([last.status, await last.json()]).toEqual([200, { verdict: "committed" }]);
  expect(await resultOf(door)).toBe(whole);
  const { result } = (await (await door.call("/jobs/k")).json()) as WireJob;
  expect(result?.content_type).toBe("text/plain");
});

test("PUT result refuses a hole, and tells where to go on", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  const early = await send(worker, whole, 10, 20);
  expect([early.status, offsetOf(early)]).toEqual([416, "0"]);
  await send(worker, whole, 0, 100);
  const hole = await send(worker, whole, 101, 200);
  expect([hole.status, offsetOf(hole), await codeOf(hole)]).toEqual([
    416,
    "100",
    "range-not-satisfiable",
  ]);
  expect(await stands(worker)).toBe("100");
});

test("PUT result skips bytes that it has, and refuses other ones in their place", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await send(worker, whole, 0, 1_000);
  expect(offsetOf(await send(worker, whole, 500, 1_500))).toBe("1500");
  expect(offsetOf(await send(worker, whole, 200, 300))).toBe("1500");
  const other = `${whole.slice(0, 700)}#${whole.slice(701)}`;
  const differing = await send(worker, other, 600, 2_000);
  expect([differing.status, offsetOf(differing)]).toEqual([416, "1500"]);
  expect((await send(worker, whole, 1_500, whole.length)).status).toBe(200);
  expect(await resultOf(door)).toBe(whole);
});

test("PUT result begins anew with a part from byte 0, and with the whole", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await send(worker, whole, 0, 5_000);
  const other = "another result";
  expect(offsetOf(await send(worker, other, 0, 7))).toBe("7");
  const wrongTotal = await send(worker, whole, 7, 20);
  expect([wrongTotal.status, offsetOf(wrongTotal)]).toEqual([400, "7"]);
  expect(await (await worker.put(whole)).json()).toEqual({ verdict: "committed" });
  expect(await resultOf(door)).toBe(whole);
});

test("PUT result refuses a Content-Range that is none, or is not that of its body", async () => {
  const { door, worker } = await aWorkingDoor([aType({ payloadBytesMax: 1_000 })]);
  await using _ = door;
  const ranges = ["bytes 0-4/4", "bytes 3-1/9", "bytes 0-4/*", "bytes */9", "0-4/9", "bytes -4/9"];
  for (const range of [
    ...ranges,
    "bytes 0-1/9",
    "items 0-4/9",
    "",
    `bytes 0-4/${"9".repeat(16)}`,
  ]) {
    const answer = await worker.put("01234", { "Content-Range": range });
    expect([range, answer.status, await codeOf(answer)]).toEqual([range, 400, "malformed"]);
  }
  const large = await worker.put("01234", { "Content-Range": "bytes 0-4/1001" });
  expect(await codeOf(large)).toBe("payload-too-large");
  const chunked = (range: string) =>
    worker.call("result", {
      method: "PUT",
      headers: { "Content-Range": range },
      body: streamOf("01234"),
    });
  const [longer, shorter] = [await chunked("bytes 0-2/9"), await chunked("bytes 0-6/9")];
  expect([longer.status, offsetOf(longer)]).toEqual([400, "0"]);
  expect([shorter.status, offsetOf(shorter)]).toEqual([400, "5"]);
  expect(offsetOf(await worker.put("5678", { "Content-Range": "bytes 5-8/9" }))).toBe("9");
  expect(await resultOf(door)).toBe("012345678");
});

test("PUT result does not count a part that is not what its digest says", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await send(worker, whole, 0, 100);
  const damaged = await send(worker, whole, 100, 200, { "Content-Digest": digestOf("other") });
  expect([damaged.status, offsetOf(damaged)]).toEqual([400, "100"]);
  expect(await codeOf(damaged)).toBe("digest-mismatch");
  expect(await stands(worker)).toBe("100");
});

test("what arrived before a cable was cut counts, and the upload goes on from there", async () => {
  const { door, worker, written } = await aWorkingDoor();
  await using _ = door;
  const raw = await begin(door, worker, whole, 0, 100_000);
  await written;
  raw.reset();
  // The server hears of the end of a connection when it likes; a HEAD makes sure.
  const offset = Number(await stands(worker));
  expect(offset).toBeGreaterThan(0);
  expect(offset).toBeLessThanOrEqual(100_000);
  expect((await send(worker, whole, offset, whole.length)).status).toBe(200);
  expect(await resultOf(door)).toBe(whole);
});

test("HEAD result ends an upload whose sender has gone silent, and tells how far it came", async () => {
  const { door, worker, written } = await aWorkingDoor();
  await using _ = door;
  using _raw = await begin(door, worker, whole, 0, 100_000);
  await written;
  const offset = Number(await stands(worker));
  expect(offset).toBeGreaterThan(0);
  expect((await send(worker, whole, offset, whole.length)).status).toBe(200);
  expect(await resultOf(door)).toBe(whole);
});

test("a part sent again after the result stands hears what became of it", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await send(worker, whole, 0, middle);
  await send(worker, whole, middle, whole.length);
  const head = await worker.call("result", { method: "HEAD" });
  expect([offsetOf(head), head.headers.get("upload-complete")]).toEqual([
    String(whole.length),
    "?1",
  ]);
  const verdict = async (answer: Promise<Response>) => (await answer).json();
  const other = whole.replaceAll("line", "LINE");
  expect(await verdict(send(worker, whole, middle, whole.length))).toEqual({
    verdict: "committed",
  });
  expect(await verdict(send(worker, other, middle, whole.length))).toEqual({ verdict: "conflict" });
  expect(await verdict(send(worker, "short", 0, 5))).toEqual({ verdict: "conflict" });
});

test("who sends the last part again while the result is being put together hears the same", async () => {
  const parts = createMemoryPartStore({ clock: createSystemClock() });
  const [reading, mayRead] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const open: typeof parts.open = async (name, range) => {
    reading.resolve();
    await mayRead.promise;
    return parts.open(name, range);
  };
  await using door = await openDoor({ partStore: { ...parts, open } });
  await door.submit("k");
  const worker = await claim(door);
  const first = send(worker, whole, 0, whole.length);
  await reading.promise;
  const again = send(worker, whole, 0, whole.length);
  const head = worker.call("result", { method: "HEAD" });
  await worker.tell("progress"); // Served after those two have begun to wait.
  mayRead.resolve();
  for (const answer of [await first, await again]) {
    expect(await answer.json()).toEqual({ verdict: "committed" });
  }
  expect((await head).headers.get("upload-complete")).toBe("?1");
});

test("parts for a job that nobody waits for any more are not kept", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await door.call("/jobs/k/cancel", { method: "POST" });
  expect(await (await send(worker, whole, 0, 100)).json()).toEqual({ verdict: "abandon" });
  expect(await stands(worker)).toBe("0");
});

test("parts of two attempts do not meet", async () => {
  const { door, worker } = await aWorkingDoor();
  await using _ = door;
  await door.submit("l");
  const other = await claim(door);
  await send(worker, whole, 0, middle);
  const answer = await send(other, whole, middle, whole.length);
  expect([answer.status, offsetOf(answer)]).toEqual([416, "0"]);
});

test("parts keep the lease alive while they arrive", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const worker = await claim(door, "?lease_s=1");
  const startedAt = performance.now();
  for (let at = 0; performance.now() - startedAt < 1_500; at += 1)
    await send(worker, whole, at, at + 1);
  expect(await worker.tell("progress")).toBe("continue");
});

/** A body whose length is not told ahead. */
function streamOf(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise(setImmediate);
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

/** A store of parts that tells when bytes have been written to it. */
function aNoticingStore() {
  const parts = createMemoryPartStore({ clock: createSystemClock() });
  const written = Promise.withResolvers<void>();
  const append: typeof parts.append = async (name, at) => {
    const writer = await parts.append(name, at);
    const write = async (chunk: Uint8Array) => {
      await writer.write(chunk);
      written.resolve();
    };
    return { ...writer, write };
  };
  return { partStore: { ...parts, append }, written: written.promise };
}
