// Time enters the product here and nowhere else.

import { timerMsMax } from "../domain/limits.ts";
import type { Instant } from "../domain/job.ts";

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** The wall clock. */
  now(): Instant;
  /** Milliseconds that only grow, from an arbitrary origin: for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `stop` fires. */
  sleep(ms: number, stop: AbortSignal): Promise<void>;
  /** Calls once after `ms`, unless cancelled. */
  after(ms: number, call: () => void): Timer;
}

export function createSystemClock(): Clock {
  const after = (ms: number, call: () => void): Timer => {
    const timer = setTimeout(call, Math.min(Math.max(ms, 0), timerMsMax));
    return { cancel: () => clearTimeout(timer) };
  };
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
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
  };
}
