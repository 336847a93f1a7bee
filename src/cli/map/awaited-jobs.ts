// The jobs of a map that are submitted and not settled, by the keys of their newest tries; and how far the map is.

import type { JobNews } from "./job-news.ts";
import type { JoblogEntry } from "./joblog.ts";
import type { OpenedResult } from "./opened-result.ts";
import { shownCommand, type PlannedJob } from "./planned-jobs.ts";
import { signalNumber } from "./signal-number.ts";

export type MapProgress = {
  readonly startedCount: number;
  readonly doneCount: number;
  readonly failedCount: number;
  /** Null until all arguments have been read. */
  readonly totalCount: number | null;
};

/** Changed in place: there may be a thousand of them. */
export type AwaitedJob = {
  readonly job: PlannedJob;
  /** Counts from 0 without a gap. */
  readonly place: number;
  key: string;
  tries: number;
  sentBytes: number;
  startedMs: number | null;
  worker: string | null;
  isSettling: boolean;
};

export type AwaitedJobs = ReturnType<typeof createAwaitedJobs>;

/** Keys begin with the group, so that they are nobody else's. */
export function createAwaitedJobs(group: string) {
  const jobsByKey = new Map<string, AwaitedJob>();
  const tally = {
    startedCount: 0,
    doneCount: 0,
    failedCount: 0,
    totalCount: null as number | null,
  };
  let placeCount = 0;
  const keep = (awaited: AwaitedJob) => {
    jobsByKey.set(awaited.key, awaited);
    return awaited;
  };
  return {
    progress: (): MapProgress => tally,
    count: () => jobsByKey.size,
    keys: () => jobsByKey.keys(),
    get: (key: string) => jobsByKey.get(key),
    unstarted: () => [...jobsByKey.values()].filter(({ startedMs }) => startedMs === null),
    begin(job: PlannedJob): AwaitedJob {
      placeCount += 1;
      const key = `${group}-${job.number}`;
      return keep({ ...blank, job, key, place: placeCount - 1 });
    },
    /** Takes the news of its start. */
    started(awaited: AwaitedJob, { atMs }: JobNews) {
      if (awaited.startedMs === null) tally.startedCount += 1;
      awaited.startedMs ??= atMs;
    },
    /** Another try, under a key of its own. */
    again(awaited: AwaitedJob) {
      jobsByKey.delete(awaited.key);
      awaited.tries += 1;
      awaited.key = `${group}-${awaited.job.number}.${awaited.tries}`;
      awaited.startedMs = null;
      awaited.isSettling = false;
      keep(awaited);
    },
    /** Counts it: cancelled ones have neither failed nor run. */
    counted(isFailed: boolean) {
      tally.doneCount += 1;
      if (isFailed) tally.failedCount += 1;
    },
    settled: (awaited: AwaitedJob) => void jobsByKey.delete(awaited.key),
    plannedAll: (count: number) => void (tally.totalCount = count),
  };
}

const blank = { tries: 1, sentBytes: 0, startedMs: null, worker: null, isSettling: false };

/** What the joblog says of it. `result`: null when the grid could not run it. */
export function toLogged(
  { job, sentBytes, startedMs, worker }: AwaitedJob,
  news: JobNews,
  result: OpenedResult | null,
  hostOf: (worker: string | null) => string,
): JoblogEntry {
  const about = { number: job.number, host: hostOf(worker), sentBytes, command: shownCommand(job) };
  if (result === null) {
    const began = startedMs ?? news.atMs;
    const runtimeMs = Math.max(0, news.atMs - began);
    return { ...about, startedMs: began, runtimeMs, receivedBytes: 0, exitValue: -1, signal: 0 };
  }
  const { exit_code: exitCode, signal, started_ms: began, runtime_ms: runtimeMs } = result.outcome;
  return {
    ...about,
    startedMs: began,
    runtimeMs,
    receivedBytes: result.sizeBytes,
    exitValue: exitCode ?? (signal === null ? -1 : 0),
    signal: signalNumber(signal),
  };
}
