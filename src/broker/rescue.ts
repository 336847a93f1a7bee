// Does what time makes due: attempts that ran too long, leases that ran out, deadlines that passed, waits that
// are over.
// Rung by one alarm; says itself when it wants to be rung next.

import type { Instant, Job } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import { claimsPerRoundMax, killAfterMsDefault } from "../domain/limits.ts";
import { advance } from "./advance.ts";
import type { Lease, Roster } from "./roster.ts";
import type { SettleDeps } from "./settle.ts";
import { endOfSilenceMs, giveUp, nextLookMs } from "./worker-leases.ts";

export type RescueDeps = SettleDeps & {
  readonly roster: Roster;
  /** What waits are measured against: the wall clock, or later when it was set back. */
  readonly dueAt: () => Instant;
  /** By the monotonic clock: before it no worker is lost for its silence. */
  readonly lostMsFirst: () => number;
};

/** Ends what is overdue. Resolves with the next instant at which something falls due, or null. */
export async function rescue(deps: RescueDeps): Promise<Instant | null> {
  // Both before anything is awaited: what falls due meanwhile is for the next ring, and must not be passed over.
  const [at, dueAt] = [deps.clock.now(), deps.dueAt()];
  await endLeases(deps, at);
  await expireJobs(deps, at);
  const instants = [await deps.jobs.nextDue(dueAt), nextEndOfLease(deps)];
  const nearest = Math.min(...instants.map((instant) => instant ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(nearest) ? nearest : null;
}

/** Milliseconds that one attempt may take, or null without a limit. */
export function timeLimitMs(job: Job, type: JobType): number | null {
  return job.options.timeoutMs ?? type.timeoutMs;
}

async function endLeases(deps: RescueDeps, at: Instant): Promise<void> {
  const leases = [...deps.roster.leases()];
  await Promise.all(leases.map((lease) => endLease(deps, lease, at)));
}

async function endLease(deps: RescueDeps, lease: Lease, at: Instant): Promise<void> {
  const { job } = lease;
  const { n: attempt } = job.attempt;
  if ((leftToRunMs(deps, lease) ?? 1) <= 0) {
    const chance = deps.random.fraction();
    await advance(deps, job, () => ({ do: "time-out", at, attempt, chance }));
  } else if ((leftOfLeaseMs(deps, lease) ?? 1) <= 0) {
    const isSilent = lease.life === null || lease.stage !== "sent";
    const info = isSilent
      ? "The worker gave no sign of life for longer than its lease."
      : "The worker did not confirm that the job arrived.";
    await giveUp(deps, lease, { info, charged: lease.stage !== "waiting" });
  }
}

async function expireJobs(deps: RescueDeps, at: Instant): Promise<void> {
  for (;;) {
    const jobs = await deps.jobs.due(at, claimsPerRoundMax);
    await Promise.all(jobs.map((job) => advance(deps, job, () => ({ do: "expire", at }))));
    if (jobs.length < claimsPerRoundMax) return;
  }
}

function leftToRunMs({ clock, typeOf }: RescueDeps, lease: Lease): number | null {
  const { job, sinceMs, life, stage } = lease;
  const limitMs = timeLimitMs(job, typeOf(job.type));
  // What waits in its worker's hands does not run yet.
  if (limitMs === null || stage === "waiting") return null;
  // A worker with signs of life knows the limit itself, and has time to end the job.
  const killMs = life === null ? 0 : killAfterMsDefault;
  return sinceMs + limitMs + killMs - clock.monotonicMs();
}

function leftOfLeaseMs(deps: RescueDeps, lease: Lease): number | null {
  const endsMs = endsMsOf(deps, lease);
  return endsMs === null ? null : endsMs - deps.clock.monotonicMs();
}

function endsMsOf({ typeOf, lostMsFirst }: RescueDeps, lease: Lease): number | null {
  const { life, expiresMs, job } = lease;
  if (life === null) return expiresMs;
  return endOfSilenceMs(lease, life, typeOf(job.type), lostMsFirst());
}

function nextEndOfLease(deps: RescueDeps): Instant | null {
  const nowMs = deps.clock.monotonicMs();
  let nearestMs = Infinity;
  for (const lease of deps.roster.leases()) {
    const endsMs = endsMsOf(deps, lease);
    const leftMs = endsMs === null ? Infinity : nextLookMs(lease, endsMs, nowMs) - nowMs;
    nearestMs = Math.min(nearestMs, leftToRunMs(deps, lease) ?? Infinity, leftMs);
  }
  return Number.isFinite(nearestMs) ? deps.dueAt() + Math.max(Math.ceil(nearestMs), 0) : null;
}
