import { describe, expect, test } from "bun:test";
import type { WatchBook, WatchNews } from "../../../src/broker/watch-book.ts";
import type { Wish } from "../../../src/broker/watches.ts";
import { unreachable } from "../../../src/domain/assert.ts";
import {
  clientGroupWatchCountMax,
  clientWatchCountMax,
  progressTellMs,
} from "../../../src/domain/limits.ts";
import { aBroker, ready, settle } from "../../support/a-broker.ts";

const all: Wish = { changes: true, withResult: true, progress: false };
const onlyEnd: Wish = { changes: false, withResult: false, progress: false };

function words(news: WatchNews): string {
  switch (news.kind) {
    case "changed": {
      const percent = news.progress?.percent ?? null;
      return `${news.job.key} ${news.job.status}${percent === null ? "" : ` ${percent}%`}`;
    }
    case "settled": {
      const result = news.bytes === null ? "" : ` ${new TextDecoder().decode(news.bytes)}`;
      return `${news.job.key} ${news.job.status}${result}`;
    }
    case "refused":
      return `${news.name} ${news.error.code}`;
    case "watching":
      return `watching ${news.count}`;
    default:
      return unreachable(news);
  }
}

function open(broker: ReturnType<typeof aBroker>["broker"]) {
  const heard: string[] = [];
  const room = { isThere: true, wake: () => {} };
  const book: WatchBook = broker.openWatches({
    tell: (re, news) => void heard.push(`${re}: ${words(news)}`),
    hasRoom: () => room.isThere,
    untilRoom: async () => {
      while (!room.isThere) {
        await new Promise<void>((resolve) => {
          room.wake = resolve;
        });
      }
    },
  });
  const take = () => heard.splice(0);
  return { book, take, room };
}

const named = (...names: string[]) =>
  names.map((name) => ({ name, ref: { by: "key", key: name } as const }));

async function grid() {
  const given = aBroker();
  await given.broker.start();
  const worker = await given.connect("w");
  return {
    ...given,
    async complete(result = "done") {
      worker.text(ready);
      await settle();
      worker.bytes(new TextEncoder().encode(result));
      await settle();
    },
    worker,
  };
}

describe("follow()", () => {
  test("tells what stands, then each change, then the end with its result", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    await submit("a");
    await book.follow(1, named("a"), all);
    expect(take()).toEqual(["1: a pending", "1: watching 1"]);
    await complete("A");
    expect(take()).toEqual(["1: a running", "1: a done A"]);
    expect(book.has(1)).toBeFalse();
  });

  test("tells of a job that is settled already, before it says that it watches", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    await submit("a");
    await complete("A");
    await book.follow(1, named("a"), all);
    expect(take()).toEqual(["1: a done A", "1: watching 1"]);
    expect(book.has(1)).toBeFalse();
  });

  test("leaves changes and results out when nobody wants them", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    await submit("a");
    await book.follow(1, named("a"), onlyEnd);
    await complete("A");
    expect(take()).toEqual(["1: watching 1", "1: a done"]);
  });

  test("refuses one of several that is not there, and tells of the others", async () => {
    const { broker, submit } = await grid();
    const { book, take } = open(broker);
    await submit("a");
    await book.follow(1, named("nobody", "a", "a"), all);
    expect(take()).toEqual(["1: nobody no-such-job", "1: a pending", "1: watching 2"]);
    await broker.cancel({ by: "key", key: "a" });
    expect(take()).toEqual(["1: a cancelled"]);
  });

  test("goes on when the first of several is settled already", async () => {
    const { broker, submit } = await grid();
    const { book, take } = open(broker);
    await submit("a");
    await submit("b");
    await broker.cancel({ by: "key", key: "a" });
    await book.follow(1, named("a", "b"), onlyEnd);
    expect(take()).toEqual(["1: a cancelled", "1: watching 2"]);
    expect(book.has(1)).toBeTrue();
    await broker.cancel({ by: "key", key: "b" });
    expect([take(), book.has(1)]).toEqual([["1: b cancelled"], false]);
  });

  test("tells each watch of the same job", async () => {
    const { broker, submit } = await grid();
    const [one, other] = [open(broker), open(broker)];
    await submit("a");
    await one.book.follow(1, named("a"), onlyEnd);
    await one.book.follow(2, named("a"), onlyEnd);
    await other.book.follow(1, named("a"), onlyEnd);
    one.book.end(1);
    await broker.remove({ by: "key", key: "a" }, { force: true });
    expect(one.take()).toEqual(["1: watching 1", "2: watching 1", "2: a cancelled"]);
    expect(other.take()).toEqual(["1: watching 1", "1: a cancelled"]);
  });

  test("keeps a result back while there is no room for it", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take, room } = open(broker);
    await submit("a");
    await book.follow(1, named("a"), all);
    take();
    room.isThere = false;
    await complete("A");
    expect(take()).toEqual(["1: a running", "1: a done"]);
  });

  test("waits for room before it tells what stands", async () => {
    const { broker, submit } = await grid();
    const { book, take, room } = open(broker);
    await submit("a");
    room.isThere = false;
    const following = book.follow(1, named("a"), all);
    await settle();
    expect(take()).toEqual([]);
    room.isThere = true;
    room.wake();
    await following;
    expect(take()).toEqual(["1: a pending", "1: watching 1"]);
  });

  test("tells nothing after close(), also not what it was about to", async () => {
    const { broker, submit } = await grid();
    const { book, take, room } = open(broker);
    await submit("a");
    room.isThere = false;
    const following = book.follow(1, named("a"), all);
    book.close();
    room.isThere = true;
    room.wake();
    await following;
    await broker.cancel({ by: "key", key: "a" });
    expect(take()).toEqual([]);
  });
});

describe("followNew()", () => {
  test("tells nothing of the beginning, as its caller has told that", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    book.followNew(7, await submit("a"), all);
    await complete("A");
    expect(take()).toEqual(["7: a running", "7: a done A"]);
  });

  test("misses nothing that happened before it was called", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    const seq = await submit("a");
    await complete("A");
    book.followNew(7, seq, all);
    await settle();
    expect([take(), book.has(7)]).toEqual([["7: a done A"], false]);
  });
});

describe("followGroup()", () => {
  test("tells of the jobs that stand and of those that come later, until it is ended", async () => {
    const { broker, submit, complete } = await grid();
    const { book, take } = open(broker);
    await submit("a", { group: "g" });
    await complete("A");
    await submit("b", { group: "g" });
    await submit("x");
    await book.followGroup(1, "g", all);
    expect(take()).toEqual(["1: a done A", "1: b pending", "1: watching 2"]);
    await complete("B");
    await broker.cancel({ by: "key", key: "x" });
    await submit("c", { group: "g" });
    await complete("C");
    expect(take()).toEqual(["1: b running", "1: b done B", "1: c running", "1: c done C"]);
    await broker.remove({ by: "key", key: "a" }, { force: false });
    expect([take(), book.has(1)]).toEqual([[], true]);
    book.end(1);
    await submit("d", { group: "g" });
    await complete("D");
    expect([take(), book.has(1)]).toEqual([[], false]);
  });

  test("never tells what is older than the news", async () => {
    const { broker, submit } = await grid();
    const { book, take, room } = open(broker);
    await submit("a", { group: "g" });
    await submit("b", { group: "g" });
    room.isThere = false;
    const following = book.followGroup(1, "g", all);
    await settle(); // The page with both is read.
    await broker.cancel({ by: "key", key: "b" });
    room.isThere = true;
    room.wake();
    await following;
    expect(take()).toEqual(["1: b cancelled", "1: a pending", "1: watching 2"]);
  });

  test("follows a bounded number of groups", async () => {
    const { broker } = await grid();
    const { book, take } = open(broker);
    for (let re = 1; re <= clientGroupWatchCountMax; re += 1) {
      await book.followGroup(re, `g${re}`, onlyEnd);
    }
    expect(take()).toHaveLength(clientGroupWatchCountMax);
    expect(book.followGroup(99, "more", onlyEnd)).rejects.toMatchObject({ code: "overloaded" });
    book.end(1);
    await book.followGroup(99, "more", onlyEnd);
    expect(take()).toEqual(["99: watching 0"]);
  });
});

test("progress is told now and then, the newest alone, and only to those who asked", async () => {
  const { broker, submit, clock, worker } = await grid();
  const { book, take } = open(broker);
  await submit("a", { group: "g" });
  const wish = { ...onlyEnd, progress: true };
  await book.follow(1, named("a"), wish);
  await book.followGroup(2, "g", wish);
  await book.follow(3, named("a"), onlyEnd);
  worker.text(ready);
  await settle();
  take();
  for (const percent of [10, 20, 30]) worker.text(JSON.stringify({ code: 3, percent, info: null }));
  await settle();
  expect(take()).toEqual([]);
  clock.advance(progressTellMs);
  expect(take()).toEqual(["1: a running 30%", "2: a running 30%"]);
  clock.advance(progressTellMs);
  expect(take()).toEqual([]);
  worker.bytes(new Uint8Array(1));
  await settle();
  book.close();
});

test("close() leaves nothing behind that would count", async () => {
  const { broker, submit } = await grid();
  const first = open(broker);
  const seqs = [await submit("a"), await submit("b", { group: "g" })];
  await first.book.follow(1, named("a", "b"), onlyEnd);
  await first.book.followGroup(2, "g", onlyEnd);
  first.book.followNew(3, seqs[0]!, onlyEnd);
  first.book.close();
  expect([1, 2, 3].map((re) => first.book.has(re))).toEqual([false, false, false]);
  first.take();
  await broker.cancel({ by: "key", key: "b" });
  expect(first.take()).toEqual([]);
});

test("requireRoom() bounds the jobs that one listener follows", async () => {
  const { broker } = await grid();
  const [one, other] = [open(broker), open(broker)];
  for (let re = 0; re < clientWatchCountMax; re += 1) one.book.followNew(re, 1_000 + re, onlyEnd);
  expect(() => one.book.requireRoom(1)).toThrow("65536");
  expect(one.book.follow(-1, named("a"), onlyEnd)).rejects.toMatchObject({ code: "overloaded" });
  other.book.requireRoom(1);
  one.book.end(7);
  one.book.requireRoom(1);
  one.book.close();
  one.book.requireRoom(clientWatchCountMax);
});
