// A job: facts that never change, a course that counts what happened, and exactly one status.

import type { Content, NewContent } from "./blob-ref.ts";

/** Milliseconds since 1970 by the wall clock, UTC. */
export type Instant = number;

/** UUIDv7, lower case. */
export type JobId = string;

/** The store's number for a job: the only ordering, also the short number people type. */
export type JobSeq = number;

export type Priority = "immediate" | "batch";

/** A worker as a job remembers it: `id` is the label the worker keeps, `name` is for people. */
export type WorkerRef = { readonly id: string; readonly name: string };

/** What the submitter asked for. Null means: as the type says. */
export type JobOptions = {
  readonly maxAttempts: number | null;
  readonly timeoutMs: number | null;
  readonly notBefore: Instant | null;
  readonly deadline: Instant | null;
  readonly hold: boolean;
  /** It does not start while so many jobs of its group run; only a job with a group has it. */
  readonly groupRunningMax: number | null;
  /** What its worker must have, in the one text that `toRequires` writes; null for nothing. */
  readonly requires: string | null;
};

/** What a job has that asks for nothing. */
export const noOptions: JobOptions = {
  maxAttempts: null,
  timeoutMs: null,
  notBefore: null,
  deadline: null,
  hold: false,
  groupRunningMax: null,
  requires: null,
};

/** Text for people that takes no part in deciding whether two submissions are the same. */
export type JobNotes = {
  readonly description: string | null;
  /** JSON text of an object, or null. */
  readonly labels: string | null;
};

export type JobFacts = JobNotes & {
  readonly seq: JobSeq;
  readonly id: JobId;
  readonly key: string;
  readonly type: string;
  readonly priority: Priority;
  readonly payload: Content;
  readonly group: string | null;
  readonly options: JobOptions;
  /** Number of the page of its type that the job belongs to, from 0. */
  readonly batch: number;
  /** The job whose result is this job's payload. */
  readonly fromId: JobId | null;
  readonly submittedAt: Instant;
};

/** One try of a job. `n` starts at 1, only grows and is never reset. */
export type Attempt = {
  readonly n: number;
  readonly worker: WorkerRef;
  readonly startedAt: Instant;
  /** SHA-256 of the attempt's token: proof that news of this attempt comes from its holder. */
  readonly tokenHash: Uint8Array;
  /** How long its holder may be silent; null when it is bound to a connection and ends with it. */
  readonly leaseMs: number | null;
};

export type JobCourse = {
  /** Grows by one with each move; a save names the revision it was decided on. */
  readonly revision: number;
  /** The newest attempt; the open one while the job runs. */
  readonly attempt: Attempt | null;
  /** Charged failures since the last retry by an operator. */
  readonly failures: number;
  /** Workers lost while running it since the last retry by an operator. */
  readonly crashes: number;
  /** Later in its class by one step per failure. */
  readonly penalty: number;
  /** Attempts up to this one belong to a former life: their news is abandoned. */
  readonly retriedAfter: number;
  /** Ids of the workers it failed on in this life, newest last. */
  readonly avoid: readonly string[];
  /** When the status was reached, and in which words. */
  readonly changedAt: Instant;
  readonly info: string | null;
};

export type FailReason =
  "error" | "exhausted" | "crashes" | "timeout" | "expired" | "prerequisite" | "payload_damaged";

export const statuses = ["pending", "running", "done", "failed", "cancelled"] as const;
export type Status = (typeof statuses)[number];

export type JobStatus =
  | { readonly status: "pending"; readonly readyAt: Instant; readonly held: boolean }
  | { readonly status: "running"; readonly attempt: Attempt }
  | {
      readonly status: "done";
      readonly result: Content;
      /** The attempt that completed it. */ readonly by: number;
    }
  | { readonly status: "failed"; readonly reason: FailReason }
  | { readonly status: "cancelled" };

export type Job = JobFacts & JobCourse & JobStatus;
export type RunningJob = Extract<Job, { status: "running" }>;
export type DoneJob = Extract<Job, { status: "done" }>;

/** A job on its way into the store, which gives it `seq` and `batch`. */
export type NewJob = Omit<JobFacts, "seq" | "batch" | "payload"> & {
  readonly payload: NewContent;
};

/** Settled jobs change only by delete or retry. */
export function isSettled(job: Job): boolean {
  return job.status === "done" || job.status === "failed" || job.status === "cancelled";
}

/** True when two submitters asked for the same. */
export function isSameOptions(one: JobOptions, other: JobOptions): boolean {
  return (
    one.maxAttempts === other.maxAttempts &&
    one.timeoutMs === other.timeoutMs &&
    one.notBefore === other.notBefore &&
    one.deadline === other.deadline &&
    one.hold === other.hold &&
    one.groupRunningMax === other.groupRunningMax &&
    one.requires === other.requires
  );
}

/** When a fresh job may first be given out; 0 is at once. */
export function firstReadyAt(job: Pick<NewJob, "options">): Instant {
  return job.options.notBefore ?? 0;
}
