// Takes up what the last run left: attempts of classic workers cannot be resumed, so their jobs are given out
// again, charged to nobody.

import type { JobSeq } from "../domain/job.ts";
import { pageSizeMax } from "../domain/limits.ts";
import type { Page, JobStore } from "../store/job-store.ts";
import type { Job } from "../domain/job.ts";
import { lose, type SettleDeps } from "./settle.ts";

/** Resolves with the number of attempts that were found open. */
export async function adoptOpenAttempts(deps: SettleDeps): Promise<number> {
  let adoptedCount = 0;
  for (let after: JobSeq | null = null; ;) {
    const page = await openAttempts(deps.jobs, after);
    const lost = page.items.flatMap((job) => (job.status === "running" ? [job] : []));
    await Promise.all(
      lost.map((job) => {
        const info = "The server was restarted.";
        return lose(deps, { seq: job.seq, attempt: job.attempt.n, info, charged: false });
      }),
    );
    adoptedCount += lost.length;
    if (page.next === null) return adoptedCount;
    after = page.next;
  }
}

function openAttempts(jobs: JobStore, after: JobSeq | null): Promise<Page<Job>> {
  return jobs.list({ filter: { status: "running" }, order: "oldest", limit: pageSizeMax, after });
}
