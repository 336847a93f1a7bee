import { expect, test } from "bun:test";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createDownloads } from "../../../src/server/downloads.ts";
import { createFloor } from "../../../src/server/floor.ts";
import { createPatience } from "../../../src/server/patience.ts";
import { createUploads } from "../../../src/server/uploads.ts";
import { createWaits } from "../../../src/server/waits.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const idleSeconds = 10;

/** Everything that moves deadlines, and the deadlines that were set. */
function parts() {
  const seconds: number[] = [];
  const server = { timeout: (_: Request, given: number) => void seconds.push(given) };
  const clock = createVirtualClock();
  const patience = createPatience(idleSeconds);
  const deps = {
    clock,
    floor: createFloor(clock, { passed: () => {} }),
    patience,
    log: createSilentLog(),
  };
  return { ...deps, seconds, server };
}

const upload = (size: number, headers: Record<string, string> = {}) =>
  new Request("http://localhost/", { method: "POST", body: new Uint8Array(size), headers });

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of bytes) size += chunk.length;
  return size;
}

test("receive() frees a large upload of Bun's deadline, and gives it back whatever happens", async () => {
  const { server, seconds, clock, ...deps } = parts();
  const uploads = createUploads({ ...deps, clock });
  const large = () => upload(100_000, { "Content-Length": "100000" });
  expect(await uploads.receive(large(), server, 1e6, drain)).toBe(100_000);
  expect(seconds).toEqual([0, idleSeconds]);
  const full = new Error("full");
  const broken = uploads.receive(large(), server, 1e6, () => Promise.reject(full));
  expect(await broken.catch((error: unknown) => error)).toBe(full);
  expect(seconds).toEqual([0, idleSeconds, 0, idleSeconds]);
  expect(clock.timerCount()).toBe(0);
});

test("receive() leaves small uploads the deadline they have", async () => {
  const { server, seconds, ...deps } = parts();
  const uploads = createUploads(deps);
  await uploads.receive(upload(100, { "Content-Length": "100" }), server, 1e6, drain);
  expect(seconds).toEqual([]);
});

test("hold() lifts the deadline while it waits", async () => {
  const { server, seconds, patience } = parts();
  const waits = createWaits(new AbortController().signal, patience);
  await waits.hold(upload(0), server, async () => seconds.push(-1));
  expect(seconds).toEqual([0, -1, idleSeconds]);
});

test("send() lifts the deadline of a download, and sets a late one for its end", async () => {
  const { server, seconds, clock, ...deps } = parts();
  const stream = createDownloads(deps).send(upload(0), server, new Blob(["bytes"]).stream());
  expect(await new Response(stream).text()).toBe("bytes");
  expect(seconds).toEqual([0, 60]);
  expect(clock.timerCount()).toBe(0);
});

test("watch() passes what moves, and tells once of what does not", () => {
  const { clock, floor } = parts();
  let told = 0;
  const slow = floor.watch(() => (told += 1));
  const fast = floor.watch(() => (told += 100));
  for (let i = 0; i < 5; i += 1) {
    fast.moved(61_440);
    slow.moved(61_439);
    clock.advance(60_000);
  }
  expect(told).toBe(1);
  slow.end();
  fast.end();
  expect(clock.timerCount()).toBe(0);
});
