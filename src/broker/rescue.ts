// Does what time makes due: attempts that ran too long, deadlines that passed, waits that are over.
// Rung by one alarm; says itself when it wants to be rung next.

import type { Instant, Job } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import { claimsPerRoundMax } from "../domain/limits.ts";
import { advance } from "./advance.ts";
import type { Lease, Roster } from "./roster.ts";
import type { SettleDeps } from "./settle.ts";

export type RescueDeps = SettleDeps & { readonly roster: Roster };

/** Ends what is overdue. Resolves with the next instant at which something falls due, or null. */
export async function rescue(deps: RescueDeps): Promise<Instant | null> {
  const at = deps.clock.now();
  await timeOutLeases(deps, at);
  await expireJobs(deps, at);
  const instants = [await deps.jobs.nextDue(at), nextTimeout(deps)];
  const nearest = Math.min(...instants.map((instant) => instant ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(nearest) ? nearest : null;
}

/** When an attempt begun at `job.attempt.startedAt` has run long enough, or null without a limit. */
export function timeoutAt(job: Job, type: JobType): Instant | null {
  const limitMs = job.options.timeoutMs ?? type.timeoutMs;
  return limitMs === null || job.attempt === null ? null : job.attempt.startedAt + limitMs;
}

async function timeOutLeases(deps: RescueDeps, at: Instant): Promise<void> {
  const overdue = [...deps.roster.leases()].filter((lease) => isOverdue(deps, lease, at));
  await Promise.all(
    overdue.map(({ job }) => {
      const { n: attempt } = job.attempt;
      const chance = deps.random.fraction();
      return advance(deps, job, () => ({ do: "time-out", at, attempt, chance }));
    }),
  );
}

async function expireJobs(deps: RescueDeps, at: Instant): Promise<void> {
  for (;;) {
    const jobs = await deps.jobs.due(at, claimsPerRoundMax);
    await Promise.all(jobs.map((job) => advance(deps, job, () => ({ do: "expire", at }))));
    if (jobs.length < claimsPerRoundMax) return;
  }
}

function isOverdue({ typeOf }: RescueDeps, { job }: Lease, at: Instant): boolean {
  const due = timeoutAt(job, typeOf(job.type));
  return due !== null && due <= at;
}

function nextTimeout({ roster, typeOf }: RescueDeps): Instant | null {
  let nearest: Instant | null = null;
  for (const { job } of roster.leases()) {
    const due = timeoutAt(job, typeOf(job.type));
    if (due !== null && (nearest === null || due < nearest)) nearest = due;
  }
  return nearest;
}
