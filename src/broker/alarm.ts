// One timer for the nearest thing that is due by the clock: no polling, no timer per job.

import type { Instant } from "../domain/job.ts";
import type { Clock, Timer } from "../platform/clock.ts";

export type Alarm = {
  /** Rings at `at` or a little later; earlier requests stand. */
  by(at: Instant): void;
  stop(): void;
};

export type AlarmDeps = { readonly clock: Clock; readonly dueAt: () => Instant };

/** `ring` is called when something may be due; it names what comes next by calling `by` again. */
export function createAlarm({ clock, dueAt }: AlarmDeps, ring: () => void): Alarm {
  let timer: Timer | null = null;
  let nearest: Instant = Number.POSITIVE_INFINITY;
  let isStopped = false;

  const by = (at: Instant) => {
    if (isStopped || at >= nearest) return;
    timer?.cancel();
    nearest = at;
    timer = clock.after(Math.max(at - dueAt(), 0), () => {
      nearest = Number.POSITIVE_INFINITY;
      timer = null;
      ring();
    });
  };

  return {
    by,
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
