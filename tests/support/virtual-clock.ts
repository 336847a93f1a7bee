// A clock that stands still until a test moves it. Timers follow the monotonic time, as on a real machine;
// the wall clock may jump on its own.

import { timerMsMax } from "../../src/domain/limits.ts";
import type { Instant } from "../../src/domain/job.ts";
import type { Clock, Timer } from "../../src/platform/clock.ts";

export type VirtualClock = Clock & {
  /** Moves both clocks on, and fires what falls due on the way, in order; timers set meanwhile as well. */
  advance(ms: number): void;
  /** Moves the wall clock alone, as a person or a time server would. */
  jumpWall(ms: number): void;
  /** Timers that wait: what a test left behind. */
  timerCount(): number;
  /** Milliseconds until the nearest timer, or null. */
  nextTimerMs(): number | null;
};

/** An arbitrary instant in 2027; no test may depend on it. */
export const startOfTests: Instant = 1_800_000_000_000;

type Waiting = { readonly dueMs: number; readonly call: () => void };

export function createVirtualClock(startAt: Instant = startOfTests): VirtualClock {
  const waiting = new Set<Waiting>();
  let monotonicMs = 0;
  let wallAtOrigin = startAt;

  const after = (ms: number, call: () => void): Timer => {
    const dueMs = monotonicMs + Math.min(Math.max(ms, 0), timerMsMax);
    const timer: Waiting = { dueMs, call };
    waiting.add(timer);
    return { cancel: () => void waiting.delete(timer) };
  };

  const nearest = (): Waiting | null => {
    let first: Waiting | null = null;
    // Timers set later come later in the set, so that equal ones keep the order they were set in.
    for (const timer of waiting) if (first === null || timer.dueMs < first.dueMs) first = timer;
    return first;
  };

  return {
    now: () => wallAtOrigin + monotonicMs,
    monotonicMs: () => monotonicMs,
    after,
    sleep: (ms, stop) =>
      new Promise((resolve) => {
        if (stop.aborted) return resolve();
        const done = () => {
          timer.cancel();
          stop.removeEventListener("abort", done);
          resolve();
        };
        const timer = after(ms, done);
        stop.addEventListener("abort", done);
      }),
    advance(ms) {
      const untilMs = monotonicMs + ms;
      for (let next = nearest(); next !== null && next.dueMs <= untilMs; next = nearest()) {
        waiting.delete(next);
        monotonicMs = Math.max(monotonicMs, next.dueMs);
        next.call();
      }
      monotonicMs = Math.max(monotonicMs, untilMs);
    },
    jumpWall(ms) {
      wallAtOrigin += ms;
    },
    timerCount: () => waiting.size,
    nextTimerMs() {
      const next = nearest();
      return next === null ? null : next.dueMs - monotonicMs;
    },
  };
}
