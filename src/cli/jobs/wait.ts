// Waits until jobs are settled, and says which of them failed. An interrupt ends the waiting, not the jobs.

import type { WireJob } from "../../client/index.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { findJobs } from "../find-jobs.ts";
import { inOrder } from "../in-order.ts";
import { toldFailuresMax } from "../limits.ts";
import { printJson, printResult } from "../output.ts";
import { parseSelectors } from "../selectors.ts";
import { createTrouble, isAboutOne, type Trouble } from "../trouble.ts";
import { isSettled, jobName, noteText } from "./words.ts";

export type WaitOptions = { readonly selectors: readonly string[]; readonly isJson: boolean };

export async function wait(flags: ServerFlags, options: WaitOptions): Promise<void> {
  await useServer(
    flags,
    async (grid) => {
      const trouble = createTrouble();
      const jobs = findJobs(grid, parseSelectors(options.selectors), { trouble });
      const settled = { done: 0, failed: 0, cancelled: 0 };
      const failures: WireJob[] = [];
      for await (const job of inOrder(jobs, (found) => settle(grid, found, trouble))) {
        if (job === null || !isOver(job)) continue;
        settled[job.status] += 1;
        if (job.status === "done") continue;
        trouble.add(failureText(job), exitCode.jobFailed);
        if (failures.length < toldFailuresMax) failures.push(job);
      }
      const jobCount = settled.done + settled.failed + settled.cancelled;
      if (options.isJson)
        printJson({ jobs: jobCount, ...settled, failures: failures.map(toFailure) });
      else if (jobCount > 0 || trouble.code() === exitCode.ok) printResult(settledText(settled));
      return trouble.code();
    },
    { interruptedNotice },
  );
}

export const interruptedNotice = (): string =>
  "Interrupted. The jobs go on; gridlike cancel would end them.";

type Over = WireJob & { readonly status: "done" | "failed" | "cancelled" };

function isOver(job: WireJob): job is Over {
  return isSettled(job);
}

/** Null for a job that was deleted meanwhile, which is told. */
async function settle({ client, signal }: Grid, job: WireJob, trouble: Trouble) {
  if (isSettled(job)) return job;
  try {
    return await client.wait(job.id, { signal });
  } catch (error) {
    if (!isAboutOne(error)) throw error;
    trouble.addRefusal(error, jobName(job));
    return null;
  }
}

export function failureText(job: WireJob): string {
  const what = `${jobName(job)} ${job.status === "failed" ? "failed" : "was cancelled"}`;
  const why = noteText({ ...job, description: null });
  return `${what}${why === "" ? "." : `: ${why}`}`;
}

function toFailure({ seq, id, key, status, reason, info }: WireJob) {
  return { seq, id, key, status, reason, info };
}

/** `3 done, 1 failed`. */
export function settledText(counts: {
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
}): string {
  const { done, failed, cancelled } = counts;
  return [
    ...(done === 0 && failed + cancelled > 0 ? [] : [`${done} done`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(cancelled === 0 ? [] : [`${cancelled} cancelled`]),
  ].join(", ");
}
