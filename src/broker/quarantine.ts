// Sets a worker aside that fails what others could do. Pure: counts in, a verdict out.
// After its time it gets one job to prove itself; another failure doubles the time.

import type { Instant, JobSeq } from "../domain/job.ts";
import {
  quarantineFailureCount,
  quarantineJobCount,
  quarantineMsFirst,
  quarantineMsMax,
} from "../domain/limits.ts";

export type Conduct = {
  /** Failures in a row. */
  readonly failureCount: number;
  /** The distinct jobs among them, at most as many as matter. */
  readonly failedJobs: readonly JobSeq[];
  /** Times it was set aside without a success since. */
  readonly level: number;
  /** Set aside until then; 0 when it is not. */
  readonly until: Instant;
};

export const goodConduct: Conduct = { failureCount: 0, failedJobs: [], level: 0, until: 0 };

/** The conduct after a failure of a job that another connected worker could have done. */
export function afterFailure(conduct: Conduct, job: JobSeq, at: Instant): Conduct {
  const failureCount = conduct.failureCount + 1;
  const others = conduct.failedJobs.filter((seq) => seq !== job);
  const failedJobs = [...others, job].slice(-quarantineJobCount);
  const isProbe = conduct.level > 0;
  const isBad =
    isProbe || (failureCount >= quarantineFailureCount && failedJobs.length >= quarantineJobCount);
  if (!isBad) return { ...conduct, failureCount, failedJobs };
  const ms = Math.min(quarantineMsFirst * 2 ** conduct.level, quarantineMsMax);
  return { failureCount, failedJobs, level: conduct.level + 1, until: at + ms };
}

export function isQuarantined(conduct: Conduct, at: Instant): boolean {
  return conduct.until > at;
}
