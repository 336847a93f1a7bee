// Answers questions about jobs. Changes nothing.

import { GridError } from "../domain/errors.ts";
import { isSettled, type Job, type JobId, type JobSeq } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import type { JobRef } from "../domain/key.ts";
import { chainDepthMax, pageSizeMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { JobStore, Page, PageQuery } from "../store/job-store.ts";
import type { HistoryView, JobView } from "./broker.ts";
import type { Feed } from "./feed.ts";
import type { Roster } from "./roster.ts";

export type ReadDeps = {
  readonly jobs: JobStore;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly roster: Roster;
  readonly typeOf: (name: string) => JobType;
  /** What a job said in its open attempt. */
  readonly saidIn: (seq: JobSeq, attempt: number) => string | null;
};

/** The job, or `no-such-job`. */
export async function requireJob({ jobs }: Pick<ReadDeps, "jobs">, ref: JobRef): Promise<Job> {
  const job = await jobs.find(ref);
  if (job !== null) return job;
  throw noSuchJob(ref);
}

export function noSuchJob(ref: JobRef): GridError {
  const name =
    ref.by === "seq" ? `number ${ref.seq}` : ref.by === "id" ? `id ${ref.id}` : `key ${ref.key}`;
  return new GridError(
    "no-such-job",
    `There is no job with the ${name}. GET /api/jobs lists the jobs.`,
  );
}

/** The job with what is known of it beside its record. */
export async function view(deps: ReadDeps, job: Job): Promise<JobView> {
  const lease = job.status === "running" ? deps.roster.lease(job.seq) : null;
  return { ...job, progress: lease?.progress ?? null, nextIds: await nextIds(deps, job) };
}

/** Resolves with the job when it is settled, or as it is when the time is up. */
export async function wait(
  deps: ReadDeps,
  ref: JobRef,
  waitMs: number,
  stop: AbortSignal,
): Promise<Job> {
  const publishedCount = deps.feed.publishedCount();
  const job = await requireJob(deps, ref);
  if (isSettled(job) || waitMs <= 0) return job;
  const settled = deps.feed.untilSettled(job.seq, waitMs, stop);
  if (deps.feed.publishedCount() !== publishedCount) {
    // News came between the look and the listening: it may have been about this job.
    const again = await deps.jobs.find({ by: "seq", seq: job.seq });
    if (again === null) throw noSuchJob(ref);
    if (isSettled(again)) return again;
  }
  await settled;
  // Read again: only the store knows where it keeps the result.
  return requireJob(deps, { by: "seq", seq: job.seq });
}

/** The same for the last job of a chain: follows successors while time is left. */
export async function waitForEndOfChain(
  deps: ReadDeps,
  ref: JobRef,
  waitMs: number,
  stop: AbortSignal,
): Promise<Job> {
  const endsAt = deps.clock.monotonicMs() + waitMs;
  let job = await wait(deps, ref, waitMs, stop);
  for (let depth = 0; depth < chainDepthMax && job.status === "done"; depth += 1) {
    const next = await successor(deps, job);
    if (next === null) return job;
    const leftMs = Math.max(endsAt - deps.clock.monotonicMs(), 0);
    job = await wait(deps, { by: "seq", seq: next }, leftMs, stop);
  }
  return job;
}

export async function list(deps: ReadDeps, query: PageQuery): Promise<Page<JobView>> {
  const page = await deps.jobs.list(query);
  return { items: await Promise.all(page.items.map((job) => view(deps, job))), next: page.next };
}

/** One stable page of a type's jobs, oldest first. */
export async function batch(deps: ReadDeps, type: string, number: number) {
  const filter = { type, batch: number };
  const jobs: JobView[] = [];
  for (let after: JobSeq | null = null; ;) {
    const page: Page<JobView> = await list(deps, {
      filter,
      order: "oldest",
      limit: pageSizeMax,
      after,
    });
    jobs.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  return { jobs, isComplete: await deps.jobs.isBatchFull(type, number) };
}

/** With what the job says now, if it runs. */
export async function history(deps: ReadDeps, ref: JobRef): Promise<HistoryView> {
  const { seq } = await requireJob(deps, ref);
  const [events, logs] = await Promise.all([deps.jobs.history(seq), deps.jobs.logs(seq)]);
  const attempt = deps.roster.lease(seq)?.job.attempt.n ?? 0;
  const text = deps.saidIn(seq, attempt);
  return { events, logs: text === null ? logs : [...logs, { attempt, text }] };
}

async function nextIds(deps: ReadDeps, job: Job): Promise<readonly JobId[]> {
  if (job.status !== "done" || deps.typeOf(job.type).resultBecomes === null) return [];
  const page = await deps.jobs.list(successorsOf(job));
  return page.items.map(({ id }) => id);
}

async function successor(deps: ReadDeps, job: Job): Promise<JobSeq | null> {
  if (deps.typeOf(job.type).resultBecomes === null) return null;
  const page = await deps.jobs.list(successorsOf(job));
  return page.items[0]?.seq ?? null;
}

function successorsOf(job: Job): PageQuery {
  return { filter: { fromId: job.id }, order: "oldest", limit: 10, after: null };
}
