// Jobs of a map on their way to the server: a bounded number ahead of those that have settled, further tries of those
// that failed, none once the map is to end.

import type { NewJob } from "../../client/index.ts";
import type { Clock } from "../../platform/clock.ts";
import type { PlannedJob } from "./planned-jobs.ts";

export type SupplyDeps = {
  readonly planned: AsyncIterable<PlannedJob>;
  /** Whether a former run settled it already. */
  readonly isSettled: (number: number) => boolean;
  readonly aheadCountMax: number;
  /** Once that many are ahead, none follows before so many have settled: they travel together then. */
  readonly refillCount: number;
  readonly delayMs: number;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Takes the job among those that are awaited and packs it. */
  readonly begin: (job: PlannedJob) => Promise<NewJob>;
  readonly onEnd: (plannedCount: number) => void;
};

export type JobSupply = {
  readonly jobs: () => AsyncGenerator<NewJob, void, undefined>;
  /** A job that was supplied has settled for good. */
  settled(): void;
  /** Another try of a job that was supplied, in place of settling it. */
  again(job: () => Promise<NewJob>): void;
};

export function createJobSupply(deps: SupplyDeps): JobSupply {
  const { aheadCountMax, refillCount, clock, delayMs, stop } = deps;
  const iterator = deps.planned[Symbol.asyncIterator]();
  const again: (() => Promise<NewJob>)[] = [];
  let aheadCount = 0;
  let plannedCount = 0;
  let hasEnded = false;
  let isFull = false;
  let wake = () => {};
  stop.addEventListener("abort", () => wake(), { once: true });

  /** The next job that was not settled before; null at the end. */
  const nextPlanned = async (): Promise<PlannedJob | null> => {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return null;
      plannedCount += 1;
      if (!deps.isSettled(next.value.number)) return next.value;
    }
  };
  const hasRoom = () => {
    if (aheadCount >= aheadCountMax) isFull = true;
    if (aheadCount <= aheadCountMax - refillCount) isFull = false;
    return !isFull;
  };
  async function* jobs() {
    try {
      while (!stop.aborted) {
        const former = again.shift();
        if (former !== undefined) yield await former();
        else if (!hasEnded && hasRoom()) {
          const job = await nextPlanned();
          if (stop.aborted) return;
          if (job === null) {
            hasEnded = true;
            deps.onEnd(plannedCount);
            continue;
          }
          aheadCount += 1;
          yield await deps.begin(job);
          if (delayMs > 0) await clock.sleep(delayMs, stop);
        } else if (hasEnded && aheadCount === 0) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      void iterator.return?.()?.catch(() => {}); // One that waits for its input ends with the process.
    }
  }
  return {
    jobs,
    settled() {
      aheadCount -= 1;
      wake();
    },
    again(job) {
      again.push(job);
      wake();
    },
  };
}
