// Whether a worker could be given a job, were it free and the job next: what the dispatcher asks of the free ones,
// and the rules of failures and losses of all.

import type { Job, WorkerRef } from "../domain/job.ts";
import type { Roster, Seat } from "./roster.ts";

export type FitDeps = {
  readonly roster: Roster;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
};

export function fits(deps: FitDeps, job: Job, seat: Seat): boolean {
  return (
    seat.types.includes(job.type) &&
    job.payload.size <= seat.payloadBytesMax &&
    deps.isTrusted(seat.worker) &&
    !deps.roster.isDraining(seat.worker)
  );
}

/** True when a connected worker that the job does not avoid could run it, busy or not. */
export function couldRunElsewhere(deps: FitDeps, job: Job): boolean {
  for (const seat of deps.roster.seats()) {
    if (fits(deps, job, seat) && !job.avoid.includes(seat.worker.id)) return true;
  }
  // A worker that pulls has no seat while it works.
  const mover = job.status === "running" ? job.attempt.worker.id : null;
  for (const { seat } of deps.roster.leases()) {
    if (seat === null || seat.protocol !== "pull" || seat.worker.id === mover) continue;
    if (fits(deps, job, seat) && !job.avoid.includes(seat.worker.id)) return true;
  }
  return false;
}
