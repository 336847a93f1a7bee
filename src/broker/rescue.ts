// Does what time makes due: attempts that ran too long, deadlines that passed, waits that are over.
// Rung by one alarm; says itself when it wants to be rung next.

import type { Instant, Job } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import { claimsPerRoundMax } from "../domain/limits.ts";
import { advance } from "./advance.ts";
import type { Lease, Roster } from "./roster.ts";
import type { SettleDeps } from "./settle.ts";

export type RescueDeps = SettleDeps & {
  readonly roster: Roster;
  /** What waits are measured against: the wall clock, or later when it was set back. */
  readonly dueAt: () => Instant;
};

/** Ends what is overdue. Resolves with the next instant at which something falls due, or null. */
export async function rescue(deps: RescueDeps): Promise<Instant | null> {
  const at = deps.clock.now();
  await timeOutLeases(deps, at);
  await expireJobs(deps, at);
  const instants = [await deps.jobs.nextDue(deps.dueAt()), nextTimeout(deps)];
  const nearest = Math.min(...instants.map((instant) => instant ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(nearest) ? nearest : null;
}

/** Milliseconds that one attempt may take, or null without a limit. */
export function timeLimitMs(job: Job, type: JobType): number | null {
  return job.options.timeoutMs ?? type.timeoutMs;
}

async function timeOutLeases(deps: RescueDeps, at: Instant): Promise<void> {
  const overdue = [...deps.roster.leases()].filter((lease) => (leftMs(deps, lease) ?? 1) <= 0);
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

function leftMs({ clock, typeOf }: RescueDeps, { job, sinceMs }: Lease): number | null {
  const limitMs = timeLimitMs(job, typeOf(job.type));
  return limitMs === null ? null : sinceMs + limitMs - clock.monotonicMs();
}

function nextTimeout(deps: RescueDeps): Instant | null {
  const left = Array.from(deps.roster.leases(), (lease) => leftMs(deps, lease) ?? Infinity);
  const nearestMs = left.reduce((nearest, ms) => Math.min(nearest, ms), Infinity);
  return Number.isFinite(nearestMs) ? deps.dueAt() + Math.ceil(nearestMs) : null;
}
