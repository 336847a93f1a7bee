// One look after the other at how far jobs are. A group is asked for as a whole; of all else only the jobs that were
// not settled at the last look are asked for again.

import type { WireGroup, WireJob } from "../../client/index.ts";
import type { Status } from "../../domain/job.ts";
import { createSystemClock } from "../../platform/clock.ts";
import type { Grid } from "../connect.ts";
import { findJobs } from "../find-jobs.ts";
import { inOrder } from "../in-order.ts";
import { lastSubmission } from "../last-submission.ts";
import type { Selector } from "../selectors.ts";
import { isAboutOne, type Trouble } from "../trouble.ts";
import { isSettled, millisecondsOf } from "./words.ts";

export type Progress = Readonly<Record<Status, number>> & {
  readonly total: number;
  /** Of a single job, as its worker says it. */
  readonly percent: number | null;
  readonly note: string | null;
  /** Jobs done per second, where the server knows it. */
  readonly doneRate: number | null;
  readonly leftMs: number | null;
};

export type Look = () => Promise<Progress>;

/** Finds the jobs, once. */
export async function createLook(
  grid: Grid,
  selectors: readonly Selector[],
  trouble: Trouble,
): Promise<Look> {
  const { client, signal } = grid;
  const group = groupOf(grid, selectors);
  if (group !== null) return async () => fromGroup(await client.groups.get(group, { signal }));
  const jobs = new Map<string, WireJob>();
  for await (const job of findJobs(grid, selectors, { trouble })) jobs.set(job.id, job);
  let isFresh = true;
  return async () => {
    const open = isFresh ? [] : [...jobs.values()].filter((job) => !isSettled(job));
    isFresh = false;
    for await (const job of inOrder(open, (known) => again(grid, known))) {
      if ("gone" in job) jobs.delete(job.gone);
      else jobs.set(job.id, job);
    }
    return fromJobs([...jobs.values()]);
  };
}

/** The one group that is meant, or null. */
function groupOf({ address }: Grid, selectors: readonly Selector[]): string | null {
  const [selector, ...others] = selectors;
  if (selector === undefined || others.length > 0) return null;
  if (selector.kind === "last") return lastSubmission(address.url)?.group ?? null;
  return selector.kind === "filter" ? (selector.filter.group ?? null) : null;
}

async function again({ client, signal }: Grid, { id }: WireJob) {
  try {
    return await client.get(id, { signal });
  } catch (error) {
    if (!isAboutOne(error)) throw error;
    return { gone: id }; // Deleted meanwhile.
  }
}

function fromGroup(group: WireGroup): Progress {
  const end = group.estimated_end;
  const leftMs = end === null ? null : millisecondsOf(end) - createSystemClock().now();
  return {
    ...group.jobs,
    total: group.total,
    percent: null,
    note: null,
    doneRate: group.done_rate,
    leftMs: leftMs === null ? null : Math.max(0, leftMs),
  };
}

function fromJobs(jobs: readonly WireJob[]): Progress {
  const counts = { pending: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
  for (const { status } of jobs) counts[status] += 1;
  const [only, ...others] = jobs;
  const told = others.length === 0 && only?.status === "running" ? only.progress : null;
  return {
    ...counts,
    total: jobs.length,
    percent: told?.percent ?? null,
    note: told?.info ?? null,
    doneRate: null,
    leftMs: null,
  };
}
