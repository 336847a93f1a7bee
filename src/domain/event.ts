// What happened to a job, one fact per move. Events are only ever added; their numbers only grow.

import type { FailReason, Instant, JobId, JobSeq, Status, WorkerRef } from "./job.ts";

export type ChangeName =
  | "submitted"
  | "claimed"
  | "completed"
  | "failed"
  | "timed_out"
  | "lost"
  | "not_delivered"
  | "released"
  | "cancelled"
  | "retried"
  | "expired"
  | "held"
  | "unheld"
  | "damaged"
  | "deleted"
  | "reopened";

export type JobEvent = {
  readonly at: Instant;
  readonly change: ChangeName;
  /** The status that the job has after it. */
  readonly status: Status;
  readonly attempt: number | null;
  readonly worker: WorkerRef | null;
  readonly reason: FailReason | null;
  /** In words, from the worker or the rule. */
  readonly info: string | null;
};

export type StoredEvent = JobEvent & {
  readonly seq: number;
  readonly job: JobSeq;
  readonly id: JobId;
  readonly key: string;
  readonly type: string;
  /** Null also once the job is deleted. */
  readonly group: string | null;
};
