// What is asked about one job and done to it, and the lists of many.

import type { Status } from "../domain/job.ts";
import { clientAnswerMsMax, clientWaitMsMax } from "./limits.ts";
import { parseJobRef } from "../domain/key.ts";
import type { WireExplanation, WireHistory, WireJob } from "../protocol/http-api.ts";
import { jobPath, nextCursor, type JobName } from "./address.ts";
import { ClientError } from "./client-error.ts";
import { openStream } from "./open-stream.ts";
import { createPace } from "./pace.ts";
import { isSettledStatus, readArray, readJob, readNothing, readObject } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import { toInstant, type When } from "./submit.ts";

export type CallOptions = { readonly signal?: AbortSignal };

export type ListOptions = CallOptions & {
  readonly status?: Status;
  readonly type?: string;
  readonly group?: string;
  readonly batch?: number;
  readonly keyPrefix?: string;
  /** The id of a worker. */
  readonly worker?: string;
  readonly submittedAfter?: When;
  readonly order?: "newest" | "oldest";
  /** Jobs of one page. */
  readonly limit?: number;
  /** Where a former page ended. */
  readonly cursor?: string;
  /** Whether pages tell how many jobs there are in all, which the server has to count. */
  readonly count?: boolean;
};

export type JobPage = {
  readonly jobs: readonly WireJob[];
  /** Null unless it was asked for. */
  readonly totalCount: number | null;
  /** For the next page; null on the last. */
  readonly cursor: string | null;
};

export type RemoveOptions = CallOptions & {
  /** Also a job that is pending or running. */
  readonly force?: boolean;
};

export type LogsOptions = CallOptions & {
  /** Goes on until the job is settled. */
  readonly follow?: boolean;
};

export type Verb = "cancel" | "retry" | "hold" | "unhold";

export function getJob(transport: Transport, job: JobName, { signal }: CallOptions) {
  return transport.send({ method: "GET", path: jobPath(job), isRepeatable: true, signal }, readJob);
}

/** Asks until the job is settled, for as long as the signal lets it. */
export async function waitForJob(
  transport: Transport,
  job: JobName,
  { signal }: CallOptions,
): Promise<WireJob> {
  const pace = createPace(transport.runtime);
  for (;;) {
    const beganAtMs = pace.begin();
    const found = await waitOnce(transport, job, clientWaitMsMax, signal);
    if (isSettledStatus(found.status)) return found;
    await pace.rest(beganAtMs, clientWaitMsMax, signal);
  }
}

/** The job once it is settled, or as it is after `waitMs`. */
function waitOnce(
  transport: Transport,
  job: JobName,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<WireJob> {
  const query = { wait_s: waitMs / 1000 };
  const answerMsMax = waitMs + clientAnswerMsMax;
  return transport.send(
    { method: "GET", path: jobPath(job), query, isRepeatable: true, answerMsMax, signal },
    readJob,
  );
}

export function getHistory(transport: Transport, job: JobName, { signal }: CallOptions) {
  return transport.send(
    { method: "GET", path: jobPath(job, "history"), isRepeatable: true, signal },
    (answer) => readObject<WireHistory>(answer, ["events", "attempts"]),
  );
}

export function explainJob(transport: Transport, job: JobName, { signal }: CallOptions) {
  return transport.send(
    { method: "GET", path: jobPath(job, "explain"), isRepeatable: true, signal },
    (answer) => readObject<WireExplanation>(answer, ["status", "summary", "reasons"]),
  );
}

/** What its workers said of failures, as text. */
export async function openLogs(
  transport: Transport,
  job: JobName,
  { follow = false, signal }: LogsOptions,
): Promise<ReadableStream<Uint8Array>> {
  const call = { what: "The log", path: jobPath(job, "logs"), signal };
  if (!follow) return openStream(transport, call);
  return openStream(transport, { ...call, query: { follow }, stallMsMax: null });
}

/** Sent once only: between two of them somebody else may have done the opposite. */
export function operate(transport: Transport, verb: Verb, job: JobName, { signal }: CallOptions) {
  return transport.send(
    { method: "POST", path: jobPath(job, verb), isRepeatable: false, signal },
    readJob,
  );
}

/** Deletes by id, which nothing else ever gets: sent twice, it cannot hit a new job of the same key. */
export async function removeJob(
  transport: Transport,
  job: JobName,
  { force = false, signal }: RemoveOptions,
): Promise<void> {
  const isKey = parseJobRef(String(job)).by === "key";
  const name = isKey ? (await getJob(transport, job, { signal })).id : job;
  let failedCount = 0;
  const call = {
    method: "DELETE",
    path: jobPath(name),
    query: { force: force || undefined },
    isRepeatable: true,
    signal,
    onRetry: () => void (failedCount += 1),
  } as const;
  try {
    await transport.send(call, readNothing);
  } catch (error) {
    // A try whose answer got lost has done it already.
    const isGone = error instanceof ClientError && error.code === "no-such-job";
    if (!isGone || failedCount === 0) throw error;
  }
}

export async function* listPages(
  transport: Transport,
  options: ListOptions,
): AsyncGenerator<JobPage, void, undefined> {
  let cursor: string | null = options.cursor ?? null;
  do {
    const page: JobPage = await getPage(transport, options, cursor);
    yield page;
    cursor = page.cursor;
  } while (cursor !== null);
}

export async function* listJobs(
  transport: Transport,
  options: ListOptions,
): AsyncGenerator<WireJob, void, undefined> {
  for await (const { jobs } of listPages(transport, options)) yield* jobs;
}

function getPage(
  transport: Transport,
  options: ListOptions,
  cursor: string | null,
): Promise<JobPage> {
  const { status, type, group, batch, worker, order, limit, submittedAfter, signal } = options;
  const query = {
    status,
    type,
    group,
    batch,
    key_prefix: options.keyPrefix,
    worker,
    submitted_after: submittedAfter === undefined ? undefined : toInstant(submittedAfter),
    order,
    limit,
    cursor: cursor ?? undefined,
    count: options.count === true ? true : undefined,
  };
  return transport.send(
    { method: "GET", path: ["jobs"], query, isRepeatable: true, signal },
    async (answer) => {
      const total = answer.headers.get("x-total-count");
      return {
        jobs: await readArray<WireJob>(answer),
        totalCount: total === null ? null : Number(total),
        cursor: nextCursor(answer.headers.get("link")),
      };
    },
  );
}
