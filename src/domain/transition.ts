// The rules of the product: what a step does to a job. Pure, synchronous, total.
// The answer is a move (the job as it then is, and the one event that tells of it) or a refusal.

import { assert, unreachable } from "./assert.ts";
import type { ChangeName, JobEvent } from "./event.ts";
import type {
  Attempt,
  FailReason,
  Instant,
  Job,
  JobCourse,
  JobFacts,
  JobStatus,
  RunningJob,
} from "./job.ts";
import type { JobType } from "./job-type.ts";
import { avoidedWorkerCountMax } from "./limits.ts";
import { backoffMs } from "./retry.ts";
import type { Refusal, Step } from "./step.ts";

export type Moved = { readonly kind: "moved"; readonly job: Job; readonly event: JobEvent };
export type Refused = { readonly kind: "refused"; readonly why: Refusal };
export type Move = Moved | Refused;

type StepOf<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** What `step` does to `job`, whose type is `type`. */
export function transition(job: Job, step: Step, type: JobType): Move {
  assert(job.type === type.name, "a job is judged by its own type");
  switch (step.do) {
    case "claim":
      return claim(job, step);
    case "complete":
      return complete(job, step);
    case "fail":
      return withOpen(job, step, (open) => fail(open, step, type));
    case "time-out":
      return withOpen(job, step, (open) => timeOut(open, step, type));
    case "lose":
      return withOpen(job, step, (open) => lose(open, step, type));
    case "return":
      return withOpen(job, step, (open) => backToPending(open, step, "not_delivered"));
    case "release":
      return withOpen(job, step, (open) => backToPending(open, step, "released"));
    case "reopen":
      return reopen(job, step);
    case "cancel":
      return cancel(job, step);
    case "retry":
      return retry(job, step);
    case "hold":
      return hold(job, step);
    case "unhold":
      return unhold(job, step);
    case "expire":
      return expire(job, step);
    case "damage":
      return damage(job, step);
    default:
      return unreachable(step);
  }
}

function claim(job: Job, step: StepOf<"claim">): Move {
  if (job.status !== "pending") return refused("not-pending");
  if (job.held || job.readyAt > (step.dueAt ?? step.at) || isPastDeadline(job, step.at))
    return refused("not-ready");
  if (!step.waived && job.avoid.includes(step.worker.id)) return refused("avoided");
  const attempt: Attempt = {
    n: (job.attempt?.n ?? 0) + 1,
    worker: step.worker,
    startedAt: step.at,
    tokenHash: step.tokenHash,
    leaseMs: step.leaseMs,
  };
  return moved(
    job,
    step.at,
    "claimed",
    { status: "running", attempt },
    { attempt },
    { n: attempt.n },
  );
}

function complete(job: Job, step: StepOf<"complete">): Move {
  const isKnown = step.attempt >= 1 && step.attempt <= (job.attempt?.n ?? 0);
  if (!isKnown || step.attempt <= job.retriedAfter) return refused("abandon");
  if (job.status === "done") {
    if (job.by !== step.attempt) return refused("superseded");
    return refused(job.result.sha256 === step.result.sha256 ? "committed" : "conflict");
  }
  if (job.status !== "running" && job.status !== "pending") return refused("abandon");
  // A late result of an earlier attempt counts as well: whoever runs the job now is superseded.
  const status = { status: "done", result: step.result, by: step.attempt } as const;
  return moved(job, step.at, "completed", status, {}, { n: step.attempt });
}

function fail(job: RunningJob, step: StepOf<"fail">, type: JobType): Move {
  const { at, info } = step;
  if (!step.retryable) return failed(job, at, "failed", "error", charge(job), info);
  return chargeOrFail(
    job,
    { at, change: "failed", reason: "exhausted", info, chance: step.chance },
    type,
  );
}

function timeOut(job: RunningJob, step: StepOf<"time-out">, type: JobType): Move {
  const limit = job.options.timeoutMs ?? type.timeoutMs;
  assert(limit !== null, "only a job with a time limit can time out");
  const info = `The attempt ran longer than its limit of ${limit / 1000} s.`;
  return chargeOrFail(
    job,
    { at: step.at, change: "timed_out", reason: "timeout", info, chance: step.chance },
    type,
  );
}

function lose(job: RunningJob, step: StepOf<"lose">, type: JobType): Move {
  if (!step.charged) return backToPending(job, step, "lost");
  const crashes = job.crashes + 1;
  const avoid = avoiding(job, job.attempt.worker.id);
  // A job that takes workers down is told from a worker that goes down by trying elsewhere, where there is one.
  const isPoison = crashes >= type.maxCrashes && (new Set(avoid).size >= 2 || !step.elsewhere);
  if (isPoison) return failed(job, step.at, "lost", "crashes", { crashes, avoid }, step.info);
  return moved(job, step.at, "lost", pendingFrom(0), { crashes, avoid, info: step.info });
}

/** Only while nobody else was given the job: its newest attempt runs on under the same number and token. */
function reopen(job: Job, step: StepOf<"reopen">): Move {
  const { attempt } = job;
  if (job.status !== "pending") return refused("not-pending");
  if (attempt?.n !== step.attempt || step.attempt <= job.retriedAfter) return refused("abandon");
  // A wait follows a failure or a time limit, which ended the attempt for good.
  if (job.held || job.readyAt > 0 || isPastDeadline(job, step.at)) return refused("not-ready");
  const status = { status: "running", attempt } as const;
  return moved(job, step.at, "reopened", status, withoutLoss(job, attempt), { n: attempt.n });
}

/** It was counted as lost on this worker, and was not. */
function withoutLoss(job: Job, { worker }: Attempt): Partial<JobCourse> {
  if (job.crashes === 0 || job.avoid.at(-1) !== worker.id) return {};
  return { crashes: job.crashes - 1, avoid: job.avoid.slice(0, -1) };
}

function cancel(job: Job, step: StepOf<"cancel">): Move {
  if (job.status === "cancelled") return refused("already-cancelled");
  if (job.status === "done" || job.status === "failed") return refused("already-done");
  return moved(job, step.at, "cancelled", { status: "cancelled" }, { info: step.info });
}

function retry(job: Job, step: StepOf<"retry">): Move {
  if (job.status === "done") return refused("already-done");
  if (job.status === "pending" || job.status === "running") return refused("still-active");
  const fresh = {
    failures: 0,
    crashes: 0,
    penalty: 0,
    avoid: [],
    retriedAfter: job.attempt?.n ?? 0,
  };
  return moved(job, step.at, "retried", pendingFrom(0), fresh);
}

function hold(job: Job, step: StepOf<"hold">): Move {
  if (job.status === "running") return refused("still-active");
  if (job.status !== "pending") return refused("already-settled");
  if (job.held) return refused("not-due");
  return moved(
    job,
    step.at,
    "held",
    { ...pendingFrom(job.readyAt), held: true },
    { info: job.info },
  );
}

function unhold(job: Job, step: StepOf<"unhold">): Move {
  if (job.status !== "pending" || !job.held) return refused("not-due");
  return moved(job, step.at, "unheld", pendingFrom(job.readyAt), { info: job.info });
}

function expire(job: Job, step: StepOf<"expire">): Move {
  if (job.status !== "pending") return refused("not-pending");
  if (!isPastDeadline(job, step.at)) return refused("not-due");
  return failed(job, step.at, "expired", "expired", {}, "Its deadline passed before it could run.");
}

function damage(job: Job, step: StepOf<"damage">): Move {
  if (job.status !== "pending" && job.status !== "running") return refused("already-settled");
  return failed(job, step.at, "damaged", "payload_damaged", {}, step.info);
}

type Charge = {
  readonly at: Instant;
  readonly change: ChangeName;
  readonly reason: FailReason;
  readonly info: string | null;
  readonly chance: number;
};

function chargeOrFail(
  job: RunningJob,
  { at, change, reason, info, chance }: Charge,
  type: JobType,
): Move {
  const charged = charge(job);
  const allowed = job.options.maxAttempts ?? type.maxAttempts;
  if (charged.failures >= allowed) return failed(job, at, change, reason, charged, info);
  const readyAt = at + backoffMs(charged.failures, chance);
  return moved(job, at, change, pendingFrom(readyAt), { ...charged, info });
}

function charge(job: RunningJob) {
  const avoid = avoiding(job, job.attempt.worker.id);
  return { failures: job.failures + 1, penalty: job.penalty + 1, avoid };
}

function backToPending(
  job: RunningJob,
  step: { readonly at: Instant; readonly info: string },
  change: ChangeName,
): Move {
  return moved(job, step.at, change, pendingFrom(0), { info: step.info });
}

function failed(
  job: Job,
  at: Instant,
  change: ChangeName,
  reason: FailReason,
  course: Partial<JobCourse>,
  info: string | null,
): Move {
  return moved(job, at, change, { status: "failed", reason }, { ...course, info }, { reason });
}

function withOpen(
  job: Job,
  step: { readonly attempt: number },
  rule: (open: RunningJob) => Move,
): Move {
  if (job.status !== "running" || job.attempt.n !== step.attempt) return refused("not-open");
  return rule(job);
}

function avoiding(job: Job, workerId: string): readonly string[] {
  return [...job.avoid.filter((id) => id !== workerId), workerId].slice(-avoidedWorkerCountMax);
}

function pendingFrom(readyAt: Instant): Extract<JobStatus, { status: "pending" }> {
  return { status: "pending", readyAt, held: false };
}

/** True when the job's deadline lies behind `at`. */
export function isPastDeadline(job: Pick<Job, "options">, at: Instant): boolean {
  return job.options.deadline !== null && job.options.deadline <= at;
}

function refused(why: Refusal): Refused {
  return { kind: "refused", why };
}

type About = { readonly n?: number; readonly reason?: FailReason };

function moved(
  job: Job,
  at: Instant,
  change: ChangeName,
  status: JobStatus,
  course: Partial<JobCourse>,
  about: About = {},
): Moved {
  const info = course.info ?? null;
  const next = {
    ...withoutStatus(job),
    ...course,
    revision: job.revision + 1,
    changedAt: at,
    info,
    ...status,
  } as Job; // The status carries exactly the fields of its own case; those of the former one are gone.
  const n = about.n ?? (job.status === "running" ? job.attempt.n : null);
  const worker = n !== null && n === next.attempt?.n ? next.attempt.worker : null;
  const reason = about.reason ?? null;
  return {
    kind: "moved",
    job: next,
    event: { at, change, status: status.status, attempt: n, worker, reason, info },
  };
}

function withoutStatus(job: Job): JobFacts & JobCourse {
  const rest: Record<string, unknown> = { ...job };
  for (const field of ["status", "readyAt", "held", "result", "by", "reason"]) delete rest[field];
  return rest as JobFacts & JobCourse; // What is left after the fields of the status are the other two parts.
}
