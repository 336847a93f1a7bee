// Builders of domain values: a test states only what matters to it.

import type { Content } from "../../src/domain/blob-ref.ts";
import {
  noOptions,
  type Attempt,
  type FailReason,
  type Instant,
  type Job,
  type JobCourse,
  type JobFacts,
  type JobStatus,
  type Status,
  type WorkerRef,
} from "../../src/domain/job.ts";
import type { JobType } from "../../src/domain/job-type.ts";

/** The instant at which the jobs of these builders stand. */
export const now: Instant = 1_800_000_000_000;

export { noOptions };

export function aType(given: Partial<JobType> = {}): JobType {
  return {
    name: "",
    description: null,
    resultBecomes: null,
    timeoutMs: 60_000,
    maxAttempts: 3,
    maxCrashes: 3,
    resumeGraceMs: 600_000,
    payloadBytesMax: 2 ** 30,
    ...given,
  };
}

export function aWorker(id: string): WorkerRef {
  return { id, name: `worker ${id}` };
}

/** Content told apart by a word; the hash is no true one. */
export function aContent(word: string): Content {
  return { sha256: word.padEnd(64, "0"), size: word.length, name: "", contentType: null };
}

export function anAttempt(n: number, worker: WorkerRef = aWorker("a")): Attempt {
  return {
    n,
    worker,
    startedAt: now - 1_000,
    tokenHash: new Uint8Array(32).fill(n),
    leaseMs: null,
  };
}

type GivenJob = Partial<JobFacts> &
  Partial<JobCourse> & {
    /** Number of the newest attempt; 0 for none. */
    readonly n?: number;
    readonly worker?: WorkerRef;
    readonly readyAt?: Instant;
    readonly held?: boolean;
    readonly result?: Content;
    readonly by?: number;
    readonly reason?: FailReason;
  };

/** A job in this status. A pending one is fresh; the others have had one attempt. */
export function aJob<S extends Status>(
  status: S,
  { n, worker, readyAt, held, result, by, reason, ...given }: GivenJob = {},
): Extract<Job, { status: S }> {
  const number = n ?? (status === "pending" ? 0 : 1);
  const attempt = given.attempt ?? (number === 0 ? null : anAttempt(number, worker));
  const byStatus: { readonly [Each in Status]: JobStatus } = {
    pending: { status: "pending", readyAt: readyAt ?? 0, held: held ?? false },
    running: { status: "running", attempt: attempt ?? anAttempt(1) },
    done: { status: "done", result: result ?? aContent("r"), by: by ?? number },
    failed: { status: "failed", reason: reason ?? "error" },
    cancelled: { status: "cancelled" },
  };
  const facts: JobFacts = {
    seq: 1,
    id: "01900000-0000-7000-8000-000000000001",
    key: "a-key",
    type: "",
    priority: "batch",
    payload: aContent("p"),
    description: null,
    labels: null,
    group: null,
    options: noOptions,
    batch: 0,
    fromId: null,
    submittedAt: now - 10_000,
  };
  const course: JobCourse = {
    revision: 7,
    attempt,
    failures: 0,
    crashes: 0,
    penalty: 0,
    retriedAfter: 0,
    avoid: [],
    changedAt: now - 1_000,
    info: null,
  };
  const job = { ...facts, ...course, ...given, ...byStatus[status] };
  return job as unknown as Extract<Job, { status: S }>; // The table above has the status that was asked for.
}
