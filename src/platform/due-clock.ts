// The instant that waits are measured against: never behind what the monotonic clock makes of it. When the wall
// clock is set back, what began to wait before is due as if it had not been; for a while, then it is forgotten.

import type { Instant } from "../domain/job.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export type DueClock = {
  /** The wall clock, or later. */
  dueAt(): Instant;
};

/** Smaller differences are the clock being steered, not set. */
const jumpMsMin = 5_000;

/** `memoryMs`: the longest wait that is to be honoured after the clock was set back. */
export function createDueClock(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  memoryMs: number,
): DueClock {
  let offset = clock.now() - clock.monotonicMs();
  let slackMs = 0;
  let slackEndsAt = 0;

  return {
    dueAt() {
      const now = clock.now();
      const monotonicMs = clock.monotonicMs();
      const jumpMs = now - monotonicMs - offset;
      offset = now - monotonicMs;
      if (Math.abs(jumpMs) > jumpMsMin) {
        log.warn("clock.jumped", { ms: Math.round(jumpMs) });
        slackMs = Math.max(slackMs - jumpMs, 0);
        slackEndsAt = monotonicMs + memoryMs;
      }
      if (monotonicMs > slackEndsAt) slackMs = 0;
      return now + slackMs;
    },
  };
}
