import { expect, test } from "bun:test";
import { createFeed, type News } from "../../../src/broker/feed.ts";
import { GridError } from "../../../src/domain/errors.ts";
import { waiterCountMax } from "../../../src/domain/limits.ts";
import { someNews } from "../../support/some-news.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const never = new AbortController().signal;

function aFeed() {
  const clock = createVirtualClock();
  return { clock, feed: createFeed({ clock }) };
}

/** Answers whether the promise is settled, after everything that was under way. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => (resolved = true));
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  await Promise.resolve();
  return resolved;
}

test("publish() calls every subscriber in the order of the news, until it leaves", () => {
  const { feed } = aFeed();
  const heard: string[] = [];
  const leave = feed.subscribe(({ job }) => heard.push(`a${job.seq}`));
  feed.subscribe(({ job }) => heard.push(`b${job.seq}`));
  feed.publish(someNews("claimed", { seq: 1 }));
  leave();
  leave();
  feed.publish(someNews("claimed", { seq: 2 }));
  expect(heard).toEqual(["a1", "b1", "b2"]);
});

test("publish() hands on the news as they are", () => {
  const { feed } = aFeed();
  const heard: News[] = [];
  const news = { ...someNews("completed"), successor: 12 };
  feed.subscribe((one) => heard.push(one));
  feed.publish(news);
  expect(heard).toEqual([news]);
});

for (const change of ["completed", "cancelled", "expired", "damaged", "deleted"] as const) {
  test(`untilSettled() resolves when the job is ${change}`, async () => {
    const { feed, clock } = aFeed();
    const settled = feed.untilSettled(5, 60_000, never);
    feed.publish(someNews(change, { seq: 4 }));
    expect(await isResolved(settled)).toBe(false);
    feed.publish(someNews(change, { seq: 5 }));
    expect(await isResolved(settled)).toBe(true);
    expect(clock.timerCount()).toBe(0);
  });
}

test("untilSettled() waits on while the job moves without settling", async () => {
  const { feed } = aFeed();
  const settled = feed.untilSettled(5, 60_000, never);
  for (const change of ["claimed", "failed", "lost", "held", "released"] as const) {
    feed.publish(someNews(change, { seq: 5 }));
  }
  expect(await isResolved(settled)).toBe(false);
});

test("untilSettled() resolves for everyone who waits for the same job", async () => {
  const { feed } = aFeed();
  const all = [1, 2, 3].map(() => feed.untilSettled(5, 60_000, never));
  const other = feed.untilSettled(6, 60_000, never);
  feed.publish(someNews("completed", { seq: 5 }));
  for (const one of all) expect(await isResolved(one)).toBe(true);
  expect(await isResolved(other)).toBe(false);
});

test("untilSettled() resolves when its time is over", async () => {
  const { feed, clock } = aFeed();
  const settled = feed.untilSettled(5, 1_000, never);
  clock.advance(999);
  expect(await isResolved(settled)).toBe(false);
  clock.advance(1);
  expect(await isResolved(settled)).toBe(true);
});

test("untilSettled() resolves when it is told to stop, also beforehand", async () => {
  const { feed, clock } = aFeed();
  const stop = new AbortController();
  const settled = feed.untilSettled(5, 1_000, stop.signal);
  expect(await isResolved(settled)).toBe(false);
  stop.abort();
  expect(await isResolved(settled)).toBe(true);
  expect(await isResolved(feed.untilSettled(5, 1_000, stop.signal))).toBe(true);
  expect(clock.timerCount()).toBe(0);
});

test("untilSettled() refuses more waiters than fit, and has room again when they are gone", async () => {
  const { feed, clock } = aFeed();
  const all = Array.from({ length: waiterCountMax }, (_, index) =>
    feed.untilSettled(index % 10, 60_000, new AbortController().signal),
  );
  let refusal: unknown = null;
  try {
    await feed.untilSettled(1, 60_000, never);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(GridError);
  expect(refusal).toHaveProperty("code", "overloaded");
  for (let seq = 0; seq < 10; seq += 1) feed.publish(someNews("completed", { seq }));
  await Promise.all(all);
  expect(clock.timerCount()).toBe(0);
  const again = feed.untilSettled(1, 60_000, never);
  feed.publish(someNews("completed", { seq: 1 }));
  expect(await isResolved(again)).toBe(true);
});
