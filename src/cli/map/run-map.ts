// Runs the jobs of a map: submits them ahead of those that settle, takes what came of each, and says how many failed.
// Knows neither flags nor where the server is.

import { ClientError, type Client } from "../../client/index.ts";
import { mapEndMsMax, mapFetchCountMax } from "./limits.ts";
import { createAwaitedJobs, toLogged } from "./awaited-jobs.ts";
import type { AwaitedJob, AwaitedJobs, MapProgress } from "./awaited-jobs.ts";
import { createClaims } from "./claims.ts";
import { followGroup } from "./follow-group.ts";
import { isHalted, type Halt } from "./halt.ts";
import type { JobNews } from "./job-news.ts";
import type { JoblogEntry } from "./joblog.ts";
import { fetchResult, openedFrom, type OpenedResult } from "./opened-result.ts";
import type { PlannedJob } from "./planned-jobs.ts";
import { createJobSupply, type JobSupply, type SupplyDeps } from "./supply-jobs.ts";
import type { PackedJob } from "./to-job.ts";
import type { Turns } from "./turns.ts";

export type MapDeps = Pick<
  SupplyDeps,
  "planned" | "isSettled" | "aheadCountMax" | "refillCount" | "delayMs" | "clock"
> & {
  readonly client: Client;
  readonly group: string;
  readonly pack: (job: PlannedJob, key: string) => Promise<PackedJob>;
  /** Tries of a job whose command fails. */
  readonly tryCountMax: number;
  readonly halt: Halt | null;
  readonly turns: Turns;
  readonly print: (job: PlannedJob, result: OpenedResult) => Promise<void>;
  /** Told of each job that has settled for good, failed ones included. */
  readonly onSettled: (entry: JoblogEntry, progress: MapProgress) => void;
  readonly onStarted: (progress: MapProgress) => void;
  readonly notice: (sentence: string) => void;
  /** The name that the joblog has for the worker. */
  readonly hostOf: (worker: string | null) => string;
  /** Whether a job's worker and the moment of its start matter. */
  readonly tellsStarts: boolean;
  readonly usesSocket: boolean;
  /** Fires when the map is interrupted. */
  readonly signal: AbortSignal;
};

/** Throws the reason of the signal, and what goes wrong with the server; what still runs is cancelled then. */
export async function runMap(deps: MapDeps): Promise<MapProgress> {
  const { client, group, signal, turns } = deps;
  const awaited = createAwaitedJobs(group);
  const supplyStop = new AbortController();
  const over = new AbortController();
  const finished = Promise.withResolvers<void>();
  let isSubmitted = false;
  const look = () => {
    if (isSubmitted && awaited.count() === 0) finished.resolve();
  };
  const packed = async (one: AwaitedJob) => {
    const { job, sentBytes } = await deps.pack(one.job, one.key);
    one.sentBytes = sentBytes;
    return job;
  };
  const supply = createJobSupply({
    ...deps,
    stop: AbortSignal.any([signal, supplyStop.signal]),
    begin: (job) => packed(awaited.begin(job)),
    onEnd: awaited.plannedAll,
  });
  const settle = createSettle(deps, {
    awaited,
    supply,
    packed,
    over: over.signal,
    stopSupply: () => supplyStop.abort(),
    finish: finished.resolve,
  });
  const fetching = createClaims(mapFetchCountMax);
  const onNews = (news: JobNews) => {
    const one = awaited.get(news.key);
    if (one === undefined || one.isSettling) return;
    one.worker = news.worker ?? one.worker;
    if (news.status === "running") {
      awaited.started(one, news);
      return deps.onStarted(awaited.progress());
    }
    one.isSettling = true;
    fetching(() => settle(one, news).then(look)).catch(finished.reject);
  };
  const submit = async () => {
    for await (const outcome of client.submitMany(supply.jobs(), { signal: over.signal })) {
      if (!outcome.ok) throw outcome.error;
    }
    isSubmitted = true;
    look();
  };
  const onAbort = () => finished.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const following = followGroup({ ...deps, signal: over.signal, onNews, awaited: awaited.keys });
    following.ended.catch(finished.reject);
    await following.opened;
    submit().catch(finished.reject);
    await finished.promise;
    await turns.flush();
    return { ...awaited.progress() };
  } finally {
    signal.removeEventListener("abort", onAbort);
    supplyStop.abort();
    over.abort();
    if (awaited.count() > 0) await cancelGroup(deps); // What still runs is of no use to anybody.
  }
}

type Parts = {
  readonly awaited: AwaitedJobs;
  readonly supply: JobSupply;
  readonly packed: (one: AwaitedJob) => ReturnType<Parameters<JobSupply["again"]>[0]>;
  /** Fires when nothing more is wanted of the server. */
  readonly over: AbortSignal;
  readonly stopSupply: () => void;
  readonly finish: () => void;
};

/** What is done about a job that has settled. */
function createSettle(deps: MapDeps, parts: Parts) {
  const { client, halt, turns } = deps;
  const { awaited, supply, over } = parts;
  let hasHalted = false;

  const haltIfDue = async () => {
    const { doneCount, failedCount, totalCount } = awaited.progress();
    const tally = { failedCount, succeededCount: doneCount - failedCount, totalCount };
    if (halt === null || hasHalted || !isHalted(halt, tally)) return;
    hasHalted = true;
    parts.stopSupply();
    if (halt.when === "now") return parts.finish();
    for (const { key } of awaited.unstarted()) await cancelJob(client, key, over);
  };
  return async (one: AwaitedJob, news: JobNews): Promise<void> => {
    const isCancelled = news.status === "cancelled";
    const result = news.status === "done" ? await resultOf(client, one.key, news, over) : null;
    const logged = toLogged(one, news, result, deps.hostOf);
    const isFailed = logged.exitValue !== 0 || logged.signal !== 0;
    if (isFailed && !isCancelled && !hasHalted && one.tries < deps.tryCountMax) {
      await result?.close();
      awaited.again(one);
      return supply.again(() => parts.packed(one));
    }
    if (!isCancelled) {
      awaited.counted(isFailed);
      deps.onSettled(logged, awaited.progress());
    }
    if (news.status === "failed") {
      const why = news.info ?? "no reason was given.";
      deps.notice(`Job ${one.job.number} could not be run: ${why}`);
    }
    if (result === null) await turns.skip(one.place);
    else await turns.take(one.place, printableOf(deps, one, result, over));
    awaited.settled(one);
    await haltIfDue();
    supply.settled();
  };
}

/** What came with the news, or else what the server keeps. */
function resultOf(client: Client, key: string, { result }: JobNews, signal: AbortSignal) {
  if (result === null) return fetchResult(client, key, signal);
  return openedFrom(key, result.contentType, result.bytes);
}

function printableOf(
  { client, print }: MapDeps,
  { job, key }: AwaitedJob,
  result: OpenedResult,
  signal: AbortSignal,
) {
  return {
    sizeBytes: result.sizeBytes,
    isHeld: result.isHeld,
    print: () => print(job, result),
    close: () => result.close(),
    printAgain: async () => print(job, await fetchResult(client, key, signal)),
  };
}

async function cancelJob(client: Client, key: string, signal: AbortSignal): Promise<void> {
  try {
    await client.cancel(key, { signal });
  } catch (error) {
    if (!(error instanceof ClientError)) throw error; // It is done already, or was never taken in.
  }
}

/** Bounded, because a server that does not answer is no reason to stay. */
async function cancelGroup({ client, group, clock }: MapDeps): Promise<void> {
  const patience = new AbortController();
  const timer = clock.after(mapEndMsMax, () => patience.abort());
  try {
    await client.groups.cancel(group, { signal: patience.signal });
  } catch {
    // Nothing of it was submitted yet, or the server is away: then its jobs go on.
  } finally {
    timer.cancel();
  }
}
