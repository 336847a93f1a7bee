// Which way a map hears of its jobs: by the feed until a connection stands, and by the feed alone where none does.

import { expect, test } from "bun:test";
import { ClientError, type FeedItem, type WatchNews } from "../../../../src/client/index.ts";
import { followGroup, type FollowDeps } from "../../../../src/cli/map/follow-group.ts";
import type { JobNews } from "../../../../src/cli/map/job-news.ts";

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

/** Items that a test hands over one by one; ends or throws as it is told. */
function aSource<Item>() {
  const items: (Item | Error)[] = [];
  let wake = () => {};
  async function* read(signal: AbortSignal) {
    for (;;) {
      signal.throwIfAborted();
      const item = items.shift();
      if (item instanceof Error) throw item;
      if (item !== undefined) yield item;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const put = (item: Item | Error) => {
    items.push(item);
    wake();
  };
  return { read, put, wake: () => wake() };
}

function aGroup(given: Partial<FollowDeps> = {}) {
  const feed = aSource<FeedItem>();
  const watch = aSource<WatchNews>();
  const heard: JobNews[] = [];
  const over = new AbortController();
  let feedSignal: AbortSignal | null = null;
  let openFeed = () => {};
  const client = {
    events({ signal, onOpen }: { readonly signal: AbortSignal; readonly onOpen: () => void }) {
      feedSignal = signal;
      openFeed = onOpen;
      signal.addEventListener("abort", () => feed.wake());
      return feed.read(signal);
    },
    connect: () => ({
      watch: () => watch.read(over.signal),
      close: () => Promise.resolve(),
    }),
  } as unknown as FollowDeps["client"];
  over.signal.addEventListener("abort", () => watch.wake());
  const following = followGroup({
    client,
    group: "g",
    signal: over.signal,
    onNews: (news) => void heard.push(news),
    awaited: () => [],
    tellsStarts: true,
    clock: { now: () => 7 },
    usesSocket: true,
    ...given,
  });
  const isFeedRead = () => feedSignal?.aborted === false;
  return { following, feed, watch, heard, over, isFeedRead, openFeed: () => openFeed() };
}

const about = { id: "i", key: "k", seq: 1, attempt: 1 };
const settled = {
  kind: "settled",
  ...about,
  reason: null,
  info: null,
  size: 2,
  sha256: "",
} as const;
const gone = new ClientError("unreachable", "No server.");

test("followGroup() leaves the feed once a connection stands, which brings small results along", async () => {
  const { following, watch, heard, over, isFeedRead } = aGroup();
  await turns();
  expect(isFeedRead()).toBe(true);
  watch.put({ kind: "watching" });
  await following.opened;
  expect(isFeedRead()).toBe(false);
  const worker = { id: "w", name: "box" };
  watch.put({ kind: "changed", ...about, status: "running", worker, progress: null });
  const bytes = new Uint8Array(2);
  watch.put({ ...settled, status: "done", contentType: "x/y", bytes });
  watch.put({ ...settled, status: "done", contentType: "x/y", bytes: null });
  await turns();
  const facts = { key: "k", atMs: 7, info: null };
  expect(heard).toEqual([
    { ...facts, status: "running", worker: "box", result: null },
    { ...facts, status: "done", worker: null, result: { contentType: "x/y", bytes } },
    { ...facts, status: "done", worker: null, result: null },
  ]);
  over.abort();
  await following.ended;
});

test("followGroup() goes on with the feed where no connection stands", async () => {
  const { following, watch, feed, heard, over, openFeed, isFeedRead } = aGroup();
  await turns();
  openFeed();
  await following.opened;
  watch.put(gone);
  await turns();
  expect(isFeedRead()).toBe(true);
  const at = "1970-01-01T00:00:00.005Z";
  const event = { key: "k", status: "done", at, worker: null, info: null };
  feed.put({ kind: "event", id: "1", event } as unknown as FeedItem);
  await turns();
  expect(heard).toMatchObject([{ key: "k", status: "done", atMs: 5, result: null }]);
  over.abort();
  await following.ended;
});

test("followGroup() fails with the feed at the beginning, and with the connection later", async () => {
  const first = aGroup();
  first.feed.put(gone);
  expect(await first.following.opened.catch((error: unknown) => error)).toBe(gone);
  expect(await first.following.ended.catch((error: unknown) => error)).toBe(gone);
  first.over.abort();
  const later = aGroup();
  later.watch.put({ kind: "watching" });
  await later.following.opened;
  later.watch.put(gone);
  expect(await later.following.ended.catch((error: unknown) => error)).toBe(gone);
});

test("followGroup() opens no socket that would be less safe than requests", async () => {
  const { following, watch, openFeed, isFeedRead, over } = aGroup({ usesSocket: false });
  watch.put({ kind: "watching" });
  await turns();
  openFeed();
  await following.opened;
  expect(isFeedRead()).toBe(true);
  over.abort();
  await following.ended;
});
