// Results: of one job as bytes or as a stream, and of many in the order they settle.

import {
  clientAnswerMsMax,
  clientConcurrencyDefault,
  clientConcurrencyMax,
  clientPendingCountMax,
  clientWaitMsMax,
  clientWaitMsMin,
  clientWaitRoundMs,
} from "./limits.ts";
import { jobPath, type JobName } from "./address.ts";
import { ClientError, isGeneral, JobFailed } from "./client-error.ts";
import { openDownload, readAll, type Download } from "./download.ts";
import { createGathering } from "./gather.ts";
import type { CallOptions } from "./jobs.ts";
import { createLeash } from "./leash.ts";
import { createPace } from "./pace.ts";
import type { Transport } from "./request.ts";
import { createSupply } from "./supply.ts";

export type ResultOptions = CallOptions & {
  /** `false` answers with `not-done` at once when the job is not settled; else it is waited for. */
  readonly wait?: boolean;
  /** The result of the last job of the chain that the job begins. */
  readonly endOfChain?: boolean;
};

export type ResultsOptions = CallOptions & {
  readonly endOfChain?: boolean;
  /** Questions at a time. */
  readonly concurrency?: number;
};

export type JobResult =
  | { readonly job: JobName; readonly ok: true; readonly bytes: Uint8Array }
  | { readonly job: JobName; readonly ok: false; readonly error: ClientError };

/** Throws `JobFailed` when the job failed or was cancelled. */
export async function openResult(
  transport: Transport,
  job: JobName,
  { wait = true, endOfChain = false, signal }: ResultOptions,
): Promise<Download> {
  const pace = createPace(transport.runtime);
  const waitMs = wait ? clientWaitMsMax : 0;
  for (;;) {
    const beganAtMs = pace.begin();
    const opened = await ask(transport, job, waitMs, endOfChain, signal);
    if (!(opened instanceof ClientError)) return opened;
    if (!wait) throw opened;
    await pace.rest(beganAtMs, waitMs, signal);
  }
}

/**
 * Waits for many jobs with few questions at a time. With more jobs than questions these go round, each round short
 * enough that no job that settles early waits long for its turn.
 */
export async function* results(
  transport: Transport,
  jobs: Iterable<JobName> | AsyncIterable<JobName>,
  options: ResultsOptions,
): AsyncGenerator<JobResult, void, undefined> {
  const concurrency = requireConcurrency(options.concurrency);
  const leash = createLeash(transport.runtime, options.signal);
  const source = createSupply(jobs);
  const gathering = createGathering<Step>();
  const pace = createPace(transport.runtime);
  const waiting: JobName[] = [];
  let asking = 0;
  const tryOne = async (job: JobName): Promise<Step> => {
    const waitMs = source.isOpen()
      ? clientWaitMsMin
      : waitMsOf(waiting.length + asking, concurrency);
    const beganAtMs = pace.begin();
    const { endOfChain = false } = options;
    const result = await resultOf(transport, job, waitMs, endOfChain, leash.signal);
    if (result === null) await pace.rest(beganAtMs, waitMs, leash.signal);
    return { job, result };
  };
  try {
    for (;;) {
      waiting.push(...source.atHand(clientPendingCountMax - waiting.length - asking));
      if (source.isIdle() && waiting.length + asking < clientPendingCountMax) {
        gathering.start(source.pull().then(() => "pulled"));
      }
      while (asking < concurrency && waiting.length > 0) {
        asking += 1;
        gathering.start(tryOne(waiting.shift()!)); // There is one.
      }
      if (gathering.count() === 0) return;
      const step = await gathering.next();
      if (step === "pulled") continue;
      asking -= 1;
      if (step.result === null) waiting.push(step.job);
      else yield step.result;
    }
  } finally {
    leash.cut();
    await source.close();
  }
}

/** Bounds what a caller may ask for. */
export function requireConcurrency(count: number = clientConcurrencyDefault): number {
  if (Number.isInteger(count) && count >= 1 && count <= clientConcurrencyMax) return count;
  throw new ClientError(
    "malformed",
    `The concurrency is ${count}: give a whole number from 1 to ${clientConcurrencyMax}.`,
  );
}

type Step = "pulled" | { readonly job: JobName; readonly result: JobResult | null };

/** Null as long as the job is not settled. Throws what does not concern this job alone. */
async function resultOf(
  transport: Transport,
  job: JobName,
  waitMs: number,
  endOfChain: boolean,
  signal: AbortSignal,
): Promise<JobResult | null> {
  try {
    const opened = await ask(transport, job, waitMs, endOfChain, signal);
    if (opened instanceof ClientError) return null;
    return { job, ok: true, bytes: await readAll(opened) };
  } catch (error) {
    if (!(error instanceof ClientError) || isGeneral(error)) throw error;
    return { job, ok: false, error };
  }
}

/** The download, or the refusal of a job that is not settled yet. Throws for all other refusals. */
async function ask(
  transport: Transport,
  job: JobName,
  waitMs: number,
  endOfChain: boolean,
  signal: AbortSignal | undefined,
): Promise<Download | ClientError> {
  try {
    return await openDownload(transport, {
      path: jobPath(job, "result"),
      query: { end_of_chain: endOfChain || undefined },
      firstQuery: { wait_s: waitMs === 0 ? undefined : waitMs / 1000 },
      answerMsMax: waitMs + clientAnswerMsMax,
      signal,
    });
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "not-done") throw error;
    const { status } = error.info;
    if (status === "failed" || status === "cancelled") throw new JobFailed(error, status);
    return error;
  }
}

function waitMsOf(jobCount: number, concurrency: number): number {
  if (jobCount <= concurrency) return clientWaitMsMax;
  const share = Math.round((clientWaitRoundMs * concurrency) / jobCount);
  return Math.min(Math.max(share, clientWaitMsMin), clientWaitMsMax);
}
