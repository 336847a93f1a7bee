import { expect, test } from "bun:test";
import { createAlarm } from "../../../src/broker/alarm.ts";
import { alarmMsMax, timerMsMax } from "../../../src/domain/limits.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

function anAlarm() {
  const clock = createVirtualClock();
  const startAt = clock.now();
  const ringsMs: number[] = [];
  const alarm = createAlarm({ clock, dueAt: () => clock.now() }, () =>
    ringsMs.push(clock.now() - startAt),
  );
  return { clock, startAt, ringsMs, alarm };
}

test("by() rings once, at the instant asked for", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  alarm.by(startAt + 500);
  clock.advance(499);
  expect(ringsMs).toEqual([]);
  clock.advance(1);
  clock.advance(10_000);
  expect(ringsMs).toEqual([500]);
});

test("by() keeps one timer, for the nearest instant", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  for (const ms of [500, 900, 200, 700, 200, 300]) {
    alarm.by(startAt + ms);
    expect(clock.timerCount()).toBe(1);
  }
  clock.advance(10_000);
  expect(ringsMs).toEqual([200]);
});

test("by() can be asked again while it rings", () => {
  const clock = createVirtualClock();
  const startAt = clock.now();
  const ringsMs: number[] = [];
  const alarm = createAlarm({ clock, dueAt: () => clock.now() }, () => {
    ringsMs.push(clock.now() - startAt);
    if (ringsMs.length < 4) alarm.by(clock.now() + 100);
  });
  alarm.by(startAt + 100);
  clock.advance(1_000);
  expect(ringsMs).toEqual([100, 200, 300, 400]);
});

test("by() rings at once for what is past, never within the call", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  alarm.by(startAt - 5_000);
  expect(ringsMs).toEqual([]);
  clock.advance(0);
  expect(ringsMs).toEqual([0]);
});

test("by() rings for what lies beyond the longest timer when it is due, not before", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  alarm.by(startAt + 2 * timerMsMax);
  clock.advance(2 * timerMsMax - 1);
  expect(ringsMs).toEqual([]);
  clock.advance(1);
  expect(ringsMs).toEqual([2 * timerMsMax]);
});

test("by() notices before long that the wall clock was set forward, or that the machine slept", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  alarm.by(startAt + 8 * 3_600_000);
  clock.advance(1_000);
  clock.jumpWall(9 * 3_600_000);
  clock.advance(alarmMsMax);
  expect(ringsMs).toHaveLength(1);
});

test("stop() leaves no timer, and nothing is set after it", () => {
  const { clock, startAt, ringsMs, alarm } = anAlarm();
  alarm.by(startAt + 500);
  alarm.stop();
  expect(clock.timerCount()).toBe(0);
  alarm.by(startAt + 100);
  alarm.stop();
  clock.advance(1_000);
  expect([ringsMs, clock.timerCount()]).toEqual([[], 0]);
});
