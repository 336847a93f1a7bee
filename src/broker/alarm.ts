// One timer for the nearest thing that is due by the clock: no polling, no timer per job.

import { alarmMsMax } from "../domain/limits.ts";
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

  const arm = () => {
    const waitMs = Math.max(nearest - dueAt(), 0);
    // Looked at again before long: the wall clock is set, and a machine that slept wakes, without notice.
    timer = clock.after(Math.min(waitMs, alarmMsMax), () => {
      if (dueAt() < nearest) return arm();
      nearest = Number.POSITIVE_INFINITY;
      timer = null;
      ring();
    });
  };

  const by = (at: Instant) => {
    if (isStopped || at >= nearest) return;
    timer?.cancel();
    nearest = at;
    arm();
  };

  return {
    by,
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
