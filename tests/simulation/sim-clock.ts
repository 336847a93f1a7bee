// The clock of one life of the simulated server. The wall may jump; durations may not. When the server dies
// its timers die with it.

import { timerMsMax } from "../../src/domain/limits.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Scheduler } from "./scheduler.ts";

/** How far the wall stands from where it began: shared by all lives of the server, moved by the nemesis. */
export type Wall = {
  offsetMs: number;
  /** The latest it ever showed. */
  offsetMsMax: number;
  setForwardAtMs: number;
  setBackAtMs: number;
};

export function createWall(): Wall {
  const [setForwardAtMs, setBackAtMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return { offsetMs: 0, offsetMsMax: 0, setForwardAtMs, setBackAtMs };
}

export type SimClock = Clock & {
  kill(): void;
  /** Timers that are armed. */
  timerCount(): number;
};

export const wallStartsAt = 1_800_000_000_000;

export function createSimClock(scheduler: Scheduler, wall: Wall): SimClock {
  const armed = new Set<object>();
  let isDead = false;

  const after: Clock["after"] = (ms, call) => {
    const timer = {};
    armed.add(timer);
    const entry = scheduler.after(Math.min(ms, timerMsMax), () => {
      if (!armed.delete(timer) || isDead) return;
      call();
    });
    return {
      cancel() {
        armed.delete(timer);
        entry.cancel();
      },
    };
  };

  return {
    now: () => wallStartsAt + scheduler.nowMs() + wall.offsetMs,
    monotonicMs: () => scheduler.nowMs(),
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
    kill() {
      isDead = true;
      armed.clear();
    },
    timerCount: () => armed.size,
  };
}
