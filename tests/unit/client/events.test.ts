import { expect, test } from "bun:test";
import { createSseParser } from "../../../src/client/sse.ts";
import type { FeedItem } from "../../../src/client/events.ts";
import { clientEventCharactersMax } from "../../../src/client/limits.ts";
import { createFakeServer, errorOf, networkError } from "./fake-server.ts";

const event = (seq: number) => `id: ${seq}\ndata: {"seq":${seq},"job":1}\n\n`;
const feed = (text: string) =>
  new Response(text, { headers: { "content-type": "text/event-stream" } });

test("createSseParser() reads events, however the text is cut and lines end", () => {
  const lines = [
    "\ufeffid: 1",
    "event: a",
    "data: x",
    "data:y",
    "",
    ": ping",
    "retry: 70",
    "data",
    "",
    "",
    "id: 2",
    "data: z",
    "",
    "",
  ];
  const wanted = [
    { name: "a", data: "x\ny", id: "1" },
    { name: "message", data: "", id: "1" },
    { name: "message", data: "z", id: "2" },
  ];
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = `${lines.join(end)}${end === "\r" ? "\n" : ""}`;
    for (let size = 1; size <= text.length; size += 1) {
      const parser = createSseParser();
      const events = [];
      for (let at = 0; at < text.length; at += size)
        events.push(...parser.push(text.slice(at, at + size)));
      expect([end, size, events]).toEqual([end, size, wanted]);
      expect(parser.retryMs()).toBe(70);
    }
  }
});

test("createSseParser() refuses an event without end", () => {
  const parser = createSseParser();
  expect(() => parser.push("x".repeat(clientEventCharactersMax + 1))).toThrow("characters");
});

test("events() goes on behind the last event when the connection breaks, and shows none twice", async () => {
  const { client, seen, settle } = createFakeServer((_, n) => {
    if (n === 2) return networkError();
    return feed(n === 1 ? event(1) + event(2) : event(2) + event(3));
  });
  const reading = client.events({ after: "0" });
  const got: FeedItem[] = [];
  for (let i = 0; i < 3; i += 1) got.push((await settle(reading.next())).value as FeedItem);
  await reading.return();
  expect(got.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  expect(seen.map(({ headers }) => headers.get("last-event-id"))).toEqual(["0", "2", "2"]);
  expect(seen[0]?.url.pathname).toBe("/base/api/events");
});

test("events() passes a reset on, and goes on from there", async () => {
  const { client, seen, settle } = createFakeServer((_, n) =>
    feed(n === 1 ? `id: 90\nevent: reset\ndata: {}\n\n` : event(91)),
  );
  const reading = client.events({ after: "5" });
  expect((await settle(reading.next())).value).toEqual({ kind: "reset", id: "90" });
  expect((await settle(reading.next())).value).toMatchObject({
    kind: "event",
    id: "91",
    event: { seq: 91 },
  });
  await reading.return();
  expect(seen[1]?.headers.get("last-event-id")).toBe("90");
});

test("events() starts at now without an id, and ignores what it does not know", async () => {
  const { client, seen, settle } = createFakeServer(() =>
    feed(`event: ping\ndata: {}\n\n${event(4)}`),
  );
  const reading = client.events();
  expect((await settle(reading.next())).value).toMatchObject({ id: "4" });
  await reading.return();
  expect(seen[0]?.headers.get("last-event-id")).toBeNull();
});

test("events() goes on behind a greeting, and not behind an event that was cut", async () => {
  const { client, seen, settle } = createFakeServer((_, n) =>
    feed(n === 1 ? 'id: x-7\n\nid: x-8\ndata: {"seq":8,' : event(8)),
  );
  const reading = client.events();
  expect((await settle(reading.next())).value).toMatchObject({ event: { seq: 8 } });
  await reading.return();
  expect(seen[1]?.headers.get("last-event-id")).toBe("x-7");
});

test("events() ends with the caller's reason, and gives up on a server that stays away", async () => {
  const stop = new AbortController();
  const reason = new Error("Enough.");
  const silent = createFakeServer(() => "silence");
  const work = errorOf(silent.client.events({ signal: stop.signal }).next());
  await new Promise(setImmediate);
  stop.abort(reason);
  expect(await work).toBe(reason);
  const away = createFakeServer(networkError);
  expect(await errorOf(away.settle(away.client.events().next()))).toMatchObject({
    code: "unreachable",
  });
  expect(away.clock.timerCount() + silent.clock.timerCount()).toBe(0);
});

test("events() knows a stranger's page when it sees one", async () => {
  const { client, seen, settle } = createFakeServer(() => new Response("<html>"));
  expect(await errorOf(settle(client.events().next()))).toMatchObject({ code: "unreachable" });
  expect(seen).toHaveLength(1);
});
