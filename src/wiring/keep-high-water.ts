// Writes now and then how far the database has come, so that a database that went back in time is recognised
// at the next start. Late by at most one interval: a mark that is too low is no error.

import type { JobStore } from "../store/job-store.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { DataDirectory } from "./data-dir.ts";

export type HighWaterDeps = {
  readonly clock: Clock;
  readonly log: Log;
  readonly directory: Pick<DataDirectory, "writeHighWater">;
  readonly jobs: Pick<JobStore, "lastEventSeq">;
  readonly incarnation: number;
};

const intervalMs = 10_000;

export function keepHighWater(deps: HighWaterDeps): { stop(): Promise<void> } {
  let written = -1;
  let underWay: Promise<void> = Promise.resolve();
  let timer: Timer | null = null;

  const write = async () => {
    const eventSeq = await deps.jobs.lastEventSeq();
    if (eventSeq === written) return;
    await deps.directory.writeHighWater({ incarnation: deps.incarnation, eventSeq });
    written = eventSeq;
  };
  const rearm = () => {
    timer = deps.clock.after(intervalMs, () => {
      underWay = write()
        .catch((error: unknown) => deps.log.error("high-water.not_written", error))
        .finally(rearm);
    });
  };

  rearm();
  return {
    async stop() {
      timer?.cancel();
      await underWay;
      timer?.cancel();
      await write();
    },
  };
}
