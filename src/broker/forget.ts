// Takes away what nobody wants to keep any longer: settled jobs by their age and by the bytes that all of them hold, and
// what is told of deleted jobs. Off unless configured, but for the last. Page by page and slowly; a job that changed
// since it was read stays.

import { unreachable } from "../domain/assert.ts";
import type { Instant, Job } from "../domain/job.ts";
import { forgetPageSize, forgetPauseMs, forgottenEventsKeptCount } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { JobStore, SettledJob } from "../store/job-store.ts";

/** Times count from the end of a job; null is for ever. */
export type RetentionRules = {
  readonly doneMs: number | null;
  /** For failed and cancelled jobs. */
  readonly failedMs: number | null;
  /** By type, in place of the two. */
  readonly msByType: ReadonlyMap<string, number>;
  readonly bytesMax: number | null;
  /** For what is told of deleted jobs. */
  readonly eventsMs: number;
};

export type ForgetDeps = {
  readonly jobs: Pick<
    JobStore,
    "settled" | "find" | "bytesKept" | "forgetEvents" | "setSetting" | "setting"
  >;
  /** Removes settled jobs as they were read; answers how many. */
  readonly remove: (jobs: readonly Job[]) => Promise<number>;
  readonly clock: Clock;
  readonly log: Log;
  readonly rules: RetentionRules;
};

/** The number of the newest event that was forgotten: who saw less than it cannot be told what followed. */
export const forgottenEventSetting = "events_forgotten";

/** Resolves when all that is due is gone, or soon after `stop` fires. */
export async function forget(deps: ForgetDeps, stop: AbortSignal): Promise<void> {
  const byAge = await forgetByAge(deps, stop);
  const byBytes = await forgetByBytes(deps, stop);
  const events = await forgetEvents(deps, stop);
  if (byAge + byBytes + events === 0) return;
  deps.log.info("jobs.forgotten", { by_age: byAge, by_bytes: byBytes, events });
}

async function forgetByAge(deps: ForgetDeps, stop: AbortSignal): Promise<number> {
  const { jobs, clock, rules } = deps;
  const times = [rules.doneMs, rules.failedMs, ...rules.msByType.values()];
  const shortest = Math.min(...times.map((ms) => ms ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(shortest)) return 0;
  let count = 0;
  for (let after = 0; !stop.aborted;) {
    const at = clock.now();
    const page = await jobs.settled(after, forgetPageSize);
    count += await removeThose(
      deps,
      page.filter((job) => isDue(rules, job, at)),
    );
    const last = page.at(-1);
    const isAnyOld = page.some((job) => job.at <= at - shortest);
    if (last === undefined || page.length < forgetPageSize || !isAnyOld) break;
    after = last.place;
    await clock.sleep(forgetPauseMs, stop);
  }
  return count;
}

function isDue(rules: RetentionRules, job: SettledJob, at: Instant): boolean {
  const ms = rules.msByType.get(job.type) ?? keepMsOf(rules, job.status);
  return ms !== null && job.at <= at - ms;
}

function keepMsOf({ doneMs, failedMs }: RetentionRules, status: SettledJob["status"]) {
  switch (status) {
    case "done":
      return doneMs;
    case "failed":
    case "cancelled":
      return failedMs;
    default:
      return unreachable(status);
  }
}

async function forgetByBytes(deps: ForgetDeps, stop: AbortSignal): Promise<number> {
  const { jobs, clock, rules } = deps;
  if (rules.bytesMax === null) return 0;
  let count = 0;
  for (let after = 0; !stop.aborted;) {
    const excess = (await jobs.bytesKept()) - rules.bytesMax;
    if (excess <= 0) break;
    const chosen = enough(await jobs.settled(after, forgetPageSize), excess);
    const last = chosen.at(-1);
    if (last === undefined) break; // What is left belongs to jobs that are not settled.
    count += await removeThose(
      deps,
      chosen.filter(({ bytes }) => bytes > 0),
    );
    after = last.place;
    await clock.sleep(forgetPauseMs, stop);
  }
  return count;
}

/** The first jobs that hold so many bytes together. Bytes that others refer to as well stay: then it is asked again. */
function enough(page: readonly SettledJob[], excess: number): readonly SettledJob[] {
  let sum = 0;
  const end = page.findIndex(({ bytes }) => (sum += bytes) >= excess);
  return end < 0 ? page : page.slice(0, end + 1);
}

async function removeThose(deps: ForgetDeps, due: readonly SettledJob[]): Promise<number> {
  const found = await Promise.all(due.map(({ seq }) => deps.jobs.find({ by: "seq", seq })));
  const same = found.filter((job, index) => job !== null && job.revision === due[index]?.revision);
  const jobs = same.flatMap((job) => (job === null ? [] : [job]));
  return jobs.length === 0 ? 0 : deps.remove(jobs);
}

async function forgetEvents(deps: ForgetDeps, stop: AbortSignal): Promise<number> {
  const { jobs, clock, rules } = deps;
  let count = 0;
  while (!stop.aborted) {
    const before = clock.now() - rules.eventsMs;
    const which = { before, keepCount: forgottenEventsKeptCount, limit: forgetPageSize };
    const forgotten = await jobs.forgetEvents(which);
    if (forgotten.last === null) break;
    count += forgotten.count;
    await jobs.setSetting(forgottenEventSetting, String(forgotten.last));
    if (forgotten.count < forgetPageSize) break;
    await clock.sleep(forgetPauseMs, stop);
  }
  return count;
}
