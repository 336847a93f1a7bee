import { expect, test } from "bun:test";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

test("advance() fires timers in order of time, then in the order they were set", () => {
  const clock = createVirtualClock(1_000);
  const fired: string[] = [];
  clock.after(20, () => fired.push(`late ${clock.now()}`));
  clock.after(10, () => {
    fired.push(`first ${clock.now()}`);
    clock.after(5, () => fired.push(`meanwhile ${clock.now()}`));
  });
  clock.after(10, () => fired.push(`second ${clock.now()}`));
  const cancelled = clock.after(15, () => fired.push("never"));
  cancelled.cancel();
  clock.advance(20);
  expect(fired).toEqual(["first 1010", "second 1010", "meanwhile 1015", "late 1020"]);
  expect([clock.monotonicMs(), clock.timerCount()]).toEqual([20, 0]);
});

test("jumpWall() moves the wall clock and no timer", () => {
  const clock = createVirtualClock(1_000);
  let count = 0;
  clock.after(10, () => (count += 1));
  clock.jumpWall(3_600_000);
  expect([clock.now(), clock.monotonicMs(), count]).toEqual([3_601_000, 0, 0]);
  clock.jumpWall(-7_200_000);
  clock.advance(10);
  expect([clock.now(), count]).toEqual([1_000 - 3_600_000 + 10, 1]);
});

test("sleep() ends with its time or with its signal, and leaves no timer", async () => {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const slept = clock.sleep(10, stop.signal);
  clock.advance(10);
  await slept;
  const interrupted = clock.sleep(10, stop.signal);
  stop.abort();
  await interrupted;
  await clock.sleep(10, stop.signal);
  expect(clock.timerCount()).toBe(0);
});

test("createSeededRandom() repeats itself for a seed, and spreads evenly", () => {
  const one = createSeededRandom(7);
  const two = createSeededRandom(7);
  const other = createSeededRandom(8);
  const numbers = Array.from({ length: 10_000 }, () => one.fraction());
  expect(Array.from({ length: 10_000 }, () => two.fraction())).toEqual(numbers);
  expect(other.fraction()).not.toBe(numbers[0]);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  expect(mean).toBeWithin(0.48, 0.52);
  expect(new Set(createSeededRandom(1).bytes(4_096)).size).toBeGreaterThan(250);
});
