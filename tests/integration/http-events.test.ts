import { expect, test } from "bun:test";
import { followerBeatMs, followerCountMax } from "../../src/domain/limits-server.ts";
import type { WireEvent } from "../../src/protocol/http-api.ts";
import { noOptions } from "../support/a-job.ts";
import { smallContent } from "../support/builders.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";
import { openSse } from "../support/sse.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { openWorker } from "../support/ws-worker.ts";

const follow = (door: Door, query = "", lastId: string | null = null) =>
  openSse(
    door.call(`/events${query}`, { headers: lastId === null ? {} : { "Last-Event-ID": lastId } }),
  );

test("GET /api/events tells every move of a job as it happens, in order [GL-26]", async () => {
  await using door = await openDoor();
  await using feed = await follow(door);
  await feed.next();
  await door.submit("k");
  using worker = await openWorker(door.api);
  await worker.nextPayload();
  worker.send(new TextEncoder().encode("result"));
  const told: WireEvent[] = [];
  while (told.length < 3) told.push(await feed.nextData<WireEvent>());
  expect(told.map(({ seq, change, status }) => [seq, change, status])).toEqual([
    [1, "submitted", "pending"],
    [2, "claimed", "running"],
    [3, "completed", "done"],
  ]);
  expect(told[1]).toMatchObject({
    job: 1,
    key: "k",
    type: null,
    attempt: 1,
    worker: { id: "w1", name: "worker" },
    reason: null,
    at: expect.stringMatching(/Z$/),
  });
});

test("GET /api/events is what proxies and browsers take for events", async () => {
  await using door = await openDoor();
  const answer = await door.call("/events");
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(answer.headers.get("x-accel-buffering")).toBe("no");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  await answer.body?.cancel();
  const head = await door.call("/events", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("GET /api/events goes on behind the last event that was seen, without a gap or a repeat", async () => {
  await using door = await openDoor();
  const ids: string[] = [];
  {
    await using feed = await follow(door);
    await feed.next();
    for (const key of ["a", "b", "c"]) await door.submit(key);
    for (let i = 0; i < 3; i += 1) ids.push((await feed.nextData()).id);
  }
  await door.submit("d");
  const seqsOf = async (query: string, lastId: string | null) => {
    await using feed = await follow(door, query, lastId);
    return [(await feed.nextData<WireEvent>()).seq, (await feed.nextData<WireEvent>()).seq];
  };
  expect(await seqsOf("", ids[0] ?? "")).toEqual([2, 3]);
  expect(await seqsOf(`?last_event_id=${ids[1]}`, null)).toEqual([3, 4]);
  expect(await seqsOf(`?last_event_id=${ids[2]}`, ids[0] ?? "")).toEqual([2, 3]);
  expect(await seqsOf("", "1")).toEqual([2, 3]);
});

test("GET /api/events lets a reader come back before its first event", async () => {
  await using door = await openDoor();
  await door.submit("before");
  let id: string | null = null;
  {
    await using feed = await follow(door);
    const opening = await feed.next();
    expect(opening).toMatchObject({ data: null, retry: "1000" });
    id = opening?.id ?? null;
  }
  await door.submit("between");
  await using feed = await follow(door, "", id);
  expect(await feed.nextData<WireEvent>()).toMatchObject({ key: "between" });
});

test("GET /api/events says reset when what follows an id is not known, and goes on from now", async () => {
  await using door = await openDoor();
  await door.submit("a");
  let own = "";
  {
    await using feed = await follow(door, "", "0");
    own = (await feed.nextData()).id;
  }
  const foreign = `${own.slice(0, 12).replaceAll(/./g, "0")}-1`;
  for (const lastId of [foreign, "2", own.replace("-1", "-2"), "nonsense", "-1", "x".repeat(99)]) {
    await using feed = await follow(door, "", lastId);
    const reset = await feed.nextData();
    expect([lastId, reset]).toEqual([lastId, expect.objectContaining({ event: "reset", id: own })]);
  }
  await using feed = await follow(door, "", foreign);
  await feed.nextData();
  await door.submit("b");
  expect(await feed.nextData<WireEvent>()).toMatchObject({ key: "b", event: null });
});

test("GET /api/events tells of one job, one group or one type alone", async () => {
  const types = [aType({ name: "fold" }), aType({ name: "cut" })];
  await using door = await openDoor({ types });
  const submit = (key: string, query: string) =>
    door.call(`/jobs/submit/${query}key=${key}`, { method: "POST", body: "x" });
  await submit("a", "fold?group=g&");
  await submit("b", "cut?group=g&");
  await submit("c", "fold?");
  await door.call("/jobs/a/cancel", { method: "POST" });
  await submit("last", "cut?group=g&");
  const keysOf = async (query: string, count: number) => {
    await using feed = await follow(door, query, "0");
    const keys: string[] = [];
    while (keys.length < count) keys.push((await feed.nextData<WireEvent>()).key);
    return keys;
  };
  expect(await keysOf("?job=a", 2)).toEqual(["a", "a"]);
  expect(await keysOf("?group=g", 4)).toEqual(["a", "b", "a", "last"]);
  expect(await keysOf("?type=cut", 2)).toEqual(["b", "last"]);
  expect(await keysOf("?type=cut&group=g&job=last", 1)).toEqual(["last"]);
  expect((await door.call("/events?job=none")).status).toBe(404);
  expect((await door.call("/events?type=none")).status).toBe(404);
  expect((await door.call("/events?jobs=a")).status).toBe(400);
});

test("GET /api/events pages through a past that is longer than one page", async () => {
  await using door = await openDoor();
  for (let i = 0; i < 600; i += 1) await door.submit(`k${i}`);
  await using feed = await follow(door, "", "0");
  for (let seq = 1; seq <= 600; seq += 1) {
    expect((await feed.nextData<WireEvent>()).seq).toBe(seq);
  }
});

test("GET /api/events gives a sign of life in silence, also while a filter lets nothing pass", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  await door.submit("watched");
  await using feed = await follow(door, "?job=watched");
  const opening = await feed.next();
  await timersOf(clock, 1);
  clock.advance(followerBeatMs - 1);
  await door.submit("other");
  await timersOf(clock, 1);
  clock.advance(1);
  const beat = await feed.next();
  expect(beat).toMatchObject({ comment: "beat", data: null });
  expect(beat?.id).toBe(opening?.id?.replace("-1", "-2") ?? "");
});

test("GET /api/events ends when the server stops, and frees what it holds when its reader goes", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  {
    await using feed = await follow(door);
    await feed.next();
    await timersOf(clock, 1);
  }
  await timersOf(clock, 0);
  await using feed = await follow(door);
  await feed.next();
  const drained = door.listener.drain();
  expect(await feed.next()).toBeNull();
  await drained;
});

test("GET /api/events pauses for a slow reader, which then catches up from the store", async () => {
  await using door = await openDoor();
  using raw = await openRaw(door.listener.port);
  raw.send(
    "GET /api/events?last_event_id=0 HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: api-key-of-the-tests\r\n\r\n",
  );
  await raw.until("retry: ");
  raw.pause();
  let readCount = 0;
  const { broker } = door;
  const group = "g".repeat(250);
  const count = 20_000;
  const leave = await broker.watch(() => (readCount += 1));
  for (let i = 0; i < count; i += 500) {
    const some = Array.from({ length: 500 }, (_, k) => submitTo(broker, `k${i + k}`, group));
    await Promise.all(some);
  }
  leave();
  expect(readCount).toBeGreaterThan(0);
  raw.resume();
  const all = await raw.until(`"job":${count},`);
  const seqs = Array.from(all.matchAll(/"seq":(\d+),/g), ([, seq]) => Number(seq));
  expect(seqs).toEqual(Array.from({ length: count }, (_, i) => i + 1));
}, 20_000);

test("GET /api/events refuses more followers than there is room for, and has room again", async () => {
  await using door = await openDoor();
  const ask =
    "GET /api/events HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: api-key-of-the-tests\r\n\r\n";
  const open = async () => {
    const raw = await openRaw(door.listener.port);
    raw.send(ask);
    return { raw, status: rawStatus(await raw.until("\n\r\n")) };
  };
  const all = [];
  for (let i = 0; i < followerCountMax; i += 1) all.push(await open());
  expect(all.filter(({ status }) => status !== 200)).toEqual([]);
  const more = await open();
  expect(more.status).toBe(503);
  all[0]?.raw.reset();
  for (let status = 503; status !== 200;) {
    const again = await open();
    status = again.status;
    all.push(again);
  }
  for (const { raw } of [...all, more]) raw[Symbol.dispose]();
}, 20_000);

/** Resolves when exactly so many timers wait on the HTTP side. */
async function timersOf(clock: { timerCount(): number }, count: number): Promise<void> {
  while (clock.timerCount() !== count) await new Promise(setImmediate);
}

async function submitTo(broker: Door["broker"], key: string, group: string): Promise<void> {
  const about = { type: "", priority: "batch", description: null, labels: null } as const;
  const payload = smallContent("x");
  await broker.submit({ ...about, key, group, options: noOptions, payload });
}
