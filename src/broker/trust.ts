// Remembers the conduct of workers and tells which are set aside. In memory: a restart forgives.

import type { Instant } from "../domain/job.ts";
import { workerRecordCountMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { News } from "./feed.ts";
import { afterFailure, goodConduct, isQuarantined, type Conduct } from "./quarantine.ts";

export type Trust = {
  /** Takes news of a worker's success or failure; answers until when it is now set aside, or null. */
  note(news: News, isElsewherePossible: boolean): Instant | null;
  isSetAside(workerId: string): boolean;
  /** Milliseconds for which the worker is still set aside; 0 when it is not. */
  setAsideMs(workerId: string): number;
  /** Milliseconds until the next worker that is set aside may work again, or null. */
  nextEndMs(): number | null;
};

export function createTrust({ clock, log }: { readonly clock: Clock; readonly log: Log }): Trust {
  const conductById = new Map<string, Conduct>();

  return {
    note({ job, event }, isElsewherePossible) {
      const { worker, change } = event;
      if (worker === null) return null;
      if (change === "completed") {
        conductById.delete(worker.id);
        return null;
      }
      if ((change !== "failed" && change !== "timed_out") || !isElsewherePossible) return null;
      const before = conductById.get(worker.id) ?? goodConduct;
      const after = afterFailure(before, job.seq, clock.monotonicMs());
      conductById.set(worker.id, after);
      if (conductById.size > workerRecordCountMax) forgetOldest(conductById);
      if (after.level === before.level) return null;
      const waitMs = after.until - clock.monotonicMs();
      const s = Math.round(waitMs / 1000);
      log.warn("worker.quarantined", { worker: worker.id, name: worker.name, s });
      return clock.now() + waitMs;
    },
    isSetAside(workerId) {
      const conduct = conductById.get(workerId);
      return conduct !== undefined && isQuarantined(conduct, clock.monotonicMs());
    },
    setAsideMs(workerId) {
      const leftMs = (conductById.get(workerId)?.until ?? 0) - clock.monotonicMs();
      return Math.max(leftMs, 0);
    },
    nextEndMs() {
      let nearestMs: number | null = null;
      for (const { until } of conductById.values()) {
        const leftMs = until - clock.monotonicMs();
        if (leftMs > 0 && (nearestMs === null || leftMs < nearestMs)) nearestMs = leftMs;
      }
      return nearestMs;
    },
  };
}

function forgetOldest(conductById: Map<string, Conduct>): void {
  const [oldest] = conductById.keys();
  if (oldest !== undefined) conductById.delete(oldest);
}
