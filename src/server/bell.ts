// Lets one waiter sleep until something happens. A ring before the wait is not lost, and many rings are one.

import type { Clock } from "../platform/clock.ts";

export type Bell = {
  ring(): void;
  /** Resolves when it was rung since the last wait, after `ms`, or when `stop` fires. */
  wait(ms: number, stop: AbortSignal): Promise<"rung" | "quiet">;
};

export function createBell({ clock }: { readonly clock: Clock }): Bell {
  let isRung = false;
  let waking: AbortController | null = null;

  return {
    ring() {
      isRung = true;
      waking?.abort();
    },
    async wait(ms, stop) {
      if (!isRung && !stop.aborted && ms > 0) {
        waking = new AbortController();
        const wake = waking.abort.bind(waking);
        stop.addEventListener("abort", wake);
        await clock.sleep(ms, waking.signal);
        stop.removeEventListener("abort", wake);
        waking = null;
      }
      const heard = isRung ? "rung" : "quiet";
      isRung = false;
      return heard;
    },
  };
}
