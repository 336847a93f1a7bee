// Takes up what the last run left. Attempts with a lease go on, and their lease starts anew. Attempts that were
// bound to a connection ended with it: their jobs are given out again, charged to nobody.

import type { JobSeq } from "../domain/job.ts";
import { lostMsMinAfterStart, pageSizeMax } from "../domain/limits.ts";
import type { Page, JobStore } from "../store/job-store.ts";
import type { Job, RunningJob } from "../domain/job.ts";
import type { Roster } from "./roster.ts";
import { lose, type SettleDeps } from "./settle.ts";
import { isLive } from "./worker-leases.ts";

export type AdoptDeps = SettleDeps & { readonly roster: Roster };

/** Resolves with the number of attempts that were found open. */
export async function adoptOpenAttempts(deps: AdoptDeps): Promise<number> {
  let adoptedCount = 0;
  for (let after: JobSeq | null = null; ;) {
    const page = await openAttempts(deps.jobs, after);
    const open = page.items.flatMap((job) => (job.status === "running" ? [job] : []));
    await Promise.all(open.map((job) => adopt(deps, job)));
    adoptedCount += open.length;
    if (page.next === null) return adoptedCount;
    after = page.next;
  }
}

async function adopt(deps: AdoptDeps, job: RunningJob): Promise<void> {
  const { n: attempt, leaseMs, startedAt } = job.attempt;
  const ms = deps.clock.monotonicMs();
  if (isLive(job.attempt)) {
    const life = { heardMs: ms, isConnected: false };
    const ranBeforeMs = Math.max(deps.clock.now() - startedAt, 0);
    return deps.roster.hold(null, job, { ms, leaseMs, life, stage: "unknown", ranBeforeMs });
  }
  if (leaseMs !== null) {
    return deps.roster.hold(null, job, { ms, leaseMs: Math.max(leaseMs, lostMsMinAfterStart) });
  }
  const info = "The server was restarted.";
  await lose(deps, { seq: job.seq, attempt, info, charged: false });
}

function openAttempts(jobs: JobStore, after: JobSeq | null): Promise<Page<Job>> {
  return jobs.list({ filter: { status: "running" }, order: "oldest", limit: pageSizeMax, after });
}
