// What a listing asks of a job, as a plain test of one job: the reference for every provider's search.

import type { Job } from "../../domain/job.ts";
import type { JobFilter } from "../job-store.ts";

/** True when the job is one of those that the filter asks for. */
export function fits(job: Job, filter: JobFilter): boolean {
  const { status, type, group, batch, keyPrefix, worker, submittedAfter, fromId } = filter;
  return (
    (status === undefined || job.status === status) &&
    (type === undefined || job.type === type) &&
    (group === undefined || job.group === group) &&
    (batch === undefined || job.batch === batch) &&
    (keyPrefix === undefined || job.key.startsWith(keyPrefix)) &&
    (worker === undefined || job.attempt?.worker.id === worker) &&
    (submittedAfter === undefined || job.submittedAt > submittedAfter) &&
    (fromId === undefined || job.fromId === fromId)
  );
}
