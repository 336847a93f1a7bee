import { expect, test } from "bun:test";
import { createBell } from "../../../src/server/bell.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

function aBell() {
  const clock = createVirtualClock();
  return { clock, bell: createBell({ clock }), stop: new AbortController() };
}

test("wait() resolves when it is rung, also when that was before, and once for many rings", async () => {
  const { bell, clock, stop } = aBell();
  bell.ring();
  bell.ring();
  expect(await bell.wait(1_000, stop.signal)).toBe("rung");
  const waiting = bell.wait(1_000, stop.signal);
  bell.ring();
  expect(await waiting).toBe("rung");
  const quiet = bell.wait(1_000, stop.signal);
  clock.advance(1_000);
  expect(await quiet).toBe("quiet");
  expect(clock.timerCount()).toBe(0);
});

test("wait() resolves when it is told to stop, and does not begin when its time is over", async () => {
  const { bell, clock, stop } = aBell();
  expect(await bell.wait(0, stop.signal)).toBe("quiet");
  const waiting = bell.wait(1_000, stop.signal);
  stop.abort();
  expect(await waiting).toBe("quiet");
  expect(await bell.wait(1_000, stop.signal)).toBe("quiet");
  expect(clock.timerCount()).toBe(0);
});
