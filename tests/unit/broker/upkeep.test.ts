import { expect, test } from "bun:test";
import { startUpkeep } from "../../../src/broker/upkeep.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("startUpkeep() runs each chore at its time, again and again, also after a failure", async () => {
  const clock = createVirtualClock();
  const failures: string[] = [];
  const log = {
    info: () => {},
    warn: () => {},
    error: (event: string) => void failures.push(event),
  };
  let count = 0;
  const run = async () => {
    count += 1;
    if (count === 1) throw new Error("once");
  };
  const upkeep = startUpkeep({ clock, log }, [{ name: "a", firstMs: 100, everyMs: 1_000, run }]);
  const counts: number[] = [];
  for (const ms of [99, 1, 999, 1, 1_000]) {
    clock.advance(ms);
    await settle();
    counts.push(count);
  }
  expect(counts).toEqual([0, 1, 1, 2, 3]);
  expect(failures).toEqual(["upkeep.failed"]);
  await upkeep.stop();
  await upkeep.stop();
  expect(clock.timerCount()).toBe(0);
});

test("stop() ends a chore that is under way by its signal, and waits for it", async () => {
  const clock = createVirtualClock();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const ends: string[] = [];
  const run = async (stop: AbortSignal) => {
    await clock.sleep(60_000, stop);
    ends.push("ended");
  };
  const upkeep = startUpkeep({ clock, log }, [{ name: "a", firstMs: 0, everyMs: 1, run }]);
  clock.advance(0);
  await settle();
  await upkeep.stop();
  expect(ends).toEqual(["ended"]);
  expect(clock.timerCount()).toBe(0);
});
