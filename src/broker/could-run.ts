// Whether a worker could be given a job, were it free and the job next: what the dispatcher asks of the free ones,
// and the rules of failures and losses of all.

import type { Job, WorkerRef } from "../domain/job.ts";
import { needsOf, shortOf, type Amounts, type Needs } from "../domain/requirements.ts";
import type { Roster, Seat } from "./roster.ts";

export type FitDeps = {
  readonly roster: Roster;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
};

/** What the job requires of its worker; null, as nearly always, when that is nothing. */
export function needsOfJob({ options }: Pick<Job, "options">): Needs | null {
  return options.requires === null ? null : needsOf(options.requires);
}

/** True when it may get anything new at all. */
export function isTaking({ roster, isTrusted }: FitDeps, { worker }: Seat): boolean {
  return isTrusted(worker) && !roster.isDraining(worker);
}

/** True when the worker has what is needed beside what is `taken` of it. */
export function has(
  { worker, offers }: Pick<Seat, "worker" | "offers">,
  needs: Needs | null,
  taken?: Amounts,
): boolean {
  return needs === null || shortOf(needs, { workerId: worker.id, offers }, taken) === null;
}

/** True when a connected worker that the job does not avoid could run it, busy or not. */
export function couldRunElsewhere(deps: FitDeps, job: Job): boolean {
  const needs = needsOfJob(job);
  const fits = (seat: Seat) =>
    seat.types.includes(job.type) &&
    job.payload.size <= seat.payloadBytesMax &&
    has(seat, needs) &&
    isTaking(deps, seat) &&
    !job.avoid.includes(seat.worker.id);
  for (const seat of deps.roster.seats()) if (fits(seat)) return true;
  // A worker that pulls has no seat while it works.
  const mover = job.status === "running" ? job.attempt.worker.id : null;
  for (const { seat } of deps.roster.leases()) {
    if (seat === null || seat.protocol !== "pull" || seat.worker.id === mover) continue;
    if (fits(seat)) return true;
  }
  return false;
}
