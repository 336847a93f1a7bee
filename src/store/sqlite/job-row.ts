// Between rows and the domain: the one place where columns become jobs and events.

import { assert, unreachable } from "../../domain/assert.ts";
import { inlineNameStart, type Content } from "../../domain/blob-ref.ts";
import type { StoredEvent } from "../../domain/event.ts";
import {
  noOptions,
  type Attempt,
  type Job,
  type JobFacts,
  type JobOptions,
  type JobStatus,
  type WorkerRef,
} from "../../domain/job.ts";
import { toIdText } from "./id-bytes.ts";
import { changeNames, nameOf, priorityNames, reasonNames, statusNames } from "./stored-numbers.ts";

export { changeNumbers, statusNumbers } from "./stored-numbers.ts";

export type JobRow = {
  readonly seq: number;
  readonly id: Uint8Array;
  readonly key: string | null;
  readonly type: number;
  readonly class: number;
  readonly batch: number;
  readonly content_type: string | null;
  readonly description: string | null;
  readonly job_group: string | null;
  readonly labels: string | null;
  readonly options: string | null;
  readonly from_id: Uint8Array | null;
  readonly submitted_at: number;
  readonly payload: number;
  readonly payload_sha256: Uint8Array;
  readonly payload_size: number;
  readonly payload_name: string | null;
  readonly revision: number;
  readonly state: number;
  readonly penalty: number;
  readonly ready_at: number;
  readonly held: number;
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly retried_after: number;
  readonly changed_at: number;
  readonly reason: number | null;
  readonly info: string | null;
  readonly avoid: string | null;
  readonly token_hash: Uint8Array | null;
  readonly lease_ms: number | null;
  readonly started_at: number | null;
  readonly worker_id: string | null;
  readonly worker_name: string | null;
  readonly result_attempt: number | null;
  readonly result_content_type: string | null;
  readonly result: number | null;
  readonly result_sha256: Uint8Array | null;
  readonly result_size: number | null;
  readonly result_name: string | null;
};

/** A job as the domain knows it. `type` is the name that the row's number stands for. */
export function toJob(row: JobRow, type: string): Job {
  const attempt = toAttempt(row);
  return {
    ...toFacts(row, type),
    revision: row.revision,
    attempt,
    failures: row.failures,
    crashes: row.crashes,
    penalty: row.penalty,
    retriedAfter: row.retried_after,
    avoid: toAvoid(row.avoid),
    changedAt: row.changed_at,
    info: row.info,
    ...toStatus(row, attempt),
  };
}

function toFacts(row: JobRow, type: string): JobFacts {
  const id = toIdText(row.id);
  return {
    seq: row.seq,
    id,
    key: row.key ?? id,
    type,
    priority: nameOf(priorityNames, row.class),
    payload: {
      sha256: row.payload_sha256.toHex(),
      size: row.payload_size,
      name: row.payload_name ?? toInlineName(row.payload),
      contentType: row.content_type,
    },
    description: row.description,
    labels: row.labels,
    group: row.job_group,
    options: toOptions(row.options),
    batch: row.batch,
    fromId: row.from_id === null ? null : toIdText(row.from_id),
    submittedAt: row.submitted_at,
  };
}

function toStatus(row: JobRow, attempt: Attempt | null): JobStatus {
  const status = nameOf(statusNames, row.state);
  switch (status) {
    case "pending":
      return { status, readyAt: row.ready_at, held: row.held === 1 };
    case "running":
      assert(attempt !== null, "a running job has its attempt");
      return { status, attempt };
    case "done":
      return { status, ...toOutcome(row) };
    case "failed":
      assert(row.reason !== null, "a failed job has its reason");
      return { status, reason: nameOf(reasonNames, row.reason) };
    case "cancelled":
      return { status };
    default:
      return unreachable(status);
  }
}

function toOutcome(row: JobRow): { readonly result: Content; readonly by: number } {
  const { result, result_sha256, result_size, result_attempt } = row;
  const isWhole =
    result !== null && result_sha256 !== null && result_size !== null && result_attempt !== null;
  assert(isWhole, "a done job has its result");
  const name = row.result_name ?? toInlineName(result);
  const contentType = row.result_content_type;
  return {
    result: { sha256: result_sha256.toHex(), size: result_size, name, contentType },
    by: result_attempt,
  };
}

/** The columns of an attempt; without one the number is 0. */
export type AttemptColumns = WorkerColumns &
  Pick<JobRow, "attempt" | "token_hash" | "lease_ms" | "started_at">;

export function toAttempt(row: AttemptColumns): Attempt | null {
  if (row.attempt === 0) return null;
  const worker = toWorkerRef(row);
  assert(
    worker !== null && row.token_hash !== null && row.started_at !== null,
    "an attempt is whole",
  );
  const { attempt: n, started_at: startedAt, token_hash: tokenHash, lease_ms: leaseMs } = row;
  return { n, worker, startedAt, tokenHash, leaseMs };
}

type WorkerColumns = { readonly worker_id: string | null; readonly worker_name: string | null };

function toWorkerRef({ worker_id, worker_name }: WorkerColumns): WorkerRef | null {
  if (worker_id === null || worker_name === null) return null;
  return { id: worker_id, name: worker_name };
}

export type EventRow = WorkerColumns & {
  readonly seq: number;
  readonly job: number;
  readonly at: number;
  readonly change: number;
  readonly state: number;
  readonly attempt: number | null;
  readonly reason: number | null;
  readonly info: string | null;
  readonly id: Uint8Array;
  readonly key: string | null;
  readonly type: number;
  readonly job_group: string | null;
};

export function toStoredEvent(row: EventRow, type: string): StoredEvent {
  const id = toIdText(row.id);
  return {
    seq: row.seq,
    job: row.job,
    id,
    key: row.key ?? id,
    type,
    group: row.job_group,
    at: row.at,
    change: nameOf(changeNames, row.change),
    status: nameOf(statusNames, row.state),
    attempt: row.attempt,
    worker: toWorkerRef(row),
    reason: row.reason === null ? null : nameOf(reasonNames, row.reason),
    info: row.info,
  };
}

/** The name that readers get for bytes that the database keeps itself. */
export function toInlineName(blob: number): string {
  return `${inlineNameStart}${blob}`;
}

/** The number in such a name, or null when the bytes are kept elsewhere. */
export function fromInlineName(name: string): number | null {
  return name.startsWith(inlineNameStart) ? Number(name.slice(inlineNameStart.length)) : null;
}

/** Only what was asked for, in a fixed order; null when nothing was. */
export function fromOptions(options: JobOptions): string | null {
  const asked: Record<string, number | boolean | string> = {};
  if (options.maxAttempts !== null) asked["maxAttempts"] = options.maxAttempts;
  if (options.timeoutMs !== null) asked["timeoutMs"] = options.timeoutMs;
  if (options.notBefore !== null) asked["notBefore"] = options.notBefore;
  if (options.deadline !== null) asked["deadline"] = options.deadline;
  if (options.hold) asked["hold"] = true;
  if (options.groupRunningMax !== null) asked["groupRunningMax"] = options.groupRunningMax;
  if (options.requires !== null) asked["requires"] = options.requires;
  return Object.keys(asked).length === 0 ? null : JSON.stringify(asked);
}

function toOptions(text: string | null): JobOptions {
  if (text === null) return noOptions;
  // Written by fromOptions alone, perhaps by one that knew fewer options.
  return { ...noOptions, ...(JSON.parse(text) as Partial<JobOptions>) };
}

/** The workers a job avoids after an event, as the event's row keeps them. */
export function fromAvoid(avoid: readonly string[]): string | null {
  return avoid.length === 0 ? null : JSON.stringify(avoid);
}

function toAvoid(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as readonly string[]); // Written by fromAvoid alone.
}
