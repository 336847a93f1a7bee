// Why a job does not run, and what would change that, in words. Pure: the facts come in, sentences go out.

import { unreachable } from "../domain/assert.ts";
import { toInstantText } from "../domain/instant-text.ts";
import type { Instant, Job, WorkerRef } from "../domain/job.ts";
import { groupLimitOf } from "../domain/shape.ts";
import { isPastDeadline } from "../domain/transition.ts";
import { needsOfJob } from "./could-run.ts";
import { describeWanted } from "./describe-needs.ts";
import { judgeWorkers, type WorkerFacts, type WorkerVerdict } from "./judge-workers.ts";

export type ExplainFacts = {
  readonly job: Job;
  readonly at: Instant;
  /** What waits are measured against: `at`, or later when the clock was set back. */
  readonly dueAt: Instant;
  /** False while the server starts or stops. */
  readonly isGiving: boolean;
  /** Whether the holder of its open attempt is connected. */
  readonly isHeldByConnected: boolean;
  /** Jobs of its type that are given out before it; null when it may not be given out yet. */
  readonly queue: Queue | null;
  /** Jobs of its group that run now. */
  readonly groupRunningCount: number;
  readonly workers: readonly WorkerFacts[];
};

/** `isCapped`: there may be more than were counted. */
export type Queue = { readonly before: number; readonly isCapped: boolean };

export type Reason = {
  readonly code: ReasonCode;
  readonly text: string;
  /** What somebody could do about it, or null. */
  readonly remedy: string | null;
  /** When it changes by itself, or null. */
  readonly until: Instant | null;
};

export type ReasonCode =
  | "running"
  | "worker-away"
  | "done"
  | "failed"
  | "cancelled"
  | "held"
  | "waits-for-retry"
  | "not-before"
  | "deadline-passed"
  | "deadline"
  | "group-full"
  | "not-giving"
  | "no-worker"
  | "no-worker-fits"
  | "queue"
  | "all-busy"
  | "next";

export type Explanation = {
  /** Everything that matters, as one text. */
  readonly summary: string;
  readonly reasons: readonly Reason[];
  readonly queue: Queue | null;
  readonly workers: readonly WorkerVerdict[];
};

export function explain(facts: ExplainFacts): Explanation {
  const { job } = facts;
  const isPending = job.status === "pending";
  const workers = isPending ? judgeWorkers(job, facts.workers) : [];
  const reasons = isPending ? whyPending(facts, job, workers) : whySettledOrRunning(facts);
  const told = reasons.map(({ text, remedy }) => (remedy === null ? text : `${text} ${remedy}`));
  return { summary: told.join(" "), reasons, queue: facts.queue, workers };
}

type PendingJob = Extract<Job, { status: "pending" }>;

function whySettledOrRunning(facts: ExplainFacts): readonly Reason[] {
  const { job } = facts;
  const at = toInstantText(job.changedAt);
  switch (job.status) {
    case "running":
      return whyRunning(facts, job);
    case "done":
      return [reason("done", `It is done since ${at}: attempt ${job.by} brought the result.`)];
    case "failed": {
      const said = job.info === null ? "" : ` "${job.info}"`;
      const text = `It failed at ${at} (${job.reason}) after ${count(job.failures, "failure")} and ${count(job.crashes, "lost worker")}.${said}`;
      return [reason("failed", text, "POST …/retry gives it another life.")];
    }
    case "cancelled":
      return [reason("cancelled", `It was cancelled at ${at}.`, "POST …/retry revives it.")];
    case "pending":
      return [];
    default:
      return unreachable(job);
  }
}

function whyRunning(
  { isHeldByConnected }: ExplainFacts,
  job: Extract<Job, { status: "running" }>,
): readonly Reason[] {
  const { n, worker, startedAt, leaseMs } = job.attempt;
  const text = `It runs on ${nameOf(worker)} since ${toInstantText(startedAt)}, as attempt ${n}.`;
  if (isHeldByConnected) return [reason("running", text)];
  const wait =
    leaseMs === null
      ? "it is given to another as soon as that is certain."
      : `it is given to another when nothing is heard for ${leaseMs / 1000} s.`;
  return [reason("running", text), reason("worker-away", `Its worker is not connected; ${wait}`)];
}

function whyPending(
  facts: ExplainFacts,
  job: PendingJob,
  workers: readonly WorkerVerdict[],
): readonly Reason[] {
  const own = [...whyOfItself(facts, job), ...whyOfGroup(facts, job), ...whyOfServer(facts)];
  const crew = whyOfCrew(facts, job, workers);
  const { deadline } = job.options;
  const ends =
    deadline === null || isPastDeadline(job, facts.at)
      ? []
      : [
          until(
            "deadline",
            `It fails unless it is started before ${toInstantText(deadline)}.`,
            deadline,
          ),
        ];
  const isFree = own.length === 0 && crew.length === 0;
  const next = isFree ? [reason("next", "Nothing is in its way: it is given out next.")] : [];
  return [...own, ...crew, ...next, ...ends];
}

function whyOfItself({ at, dueAt }: ExplainFacts, job: PendingJob): readonly Reason[] {
  const reasons: Reason[] = [];
  if (job.held) reasons.push(reason("held", "It is held.", "POST …/unhold lets it go on."));
  if (job.readyAt > dueAt) {
    const when = toInstantText(job.readyAt);
    const isRetry = job.failures > 0;
    reasons.push(
      isRetry
        ? until(
            "waits-for-retry",
            `It failed ${times(job.failures)} and is tried again at ${when}.`,
            job.readyAt,
          )
        : until("not-before", `It may not start before ${when}, as was asked for.`, job.readyAt),
    );
  }
  if (isPastDeadline(job, at)) {
    reasons.push(reason("deadline-passed", "Its deadline has passed: it fails in a moment."));
  }
  return reasons;
}

function whyOfGroup({ groupRunningCount }: ExplainFacts, job: PendingJob): readonly Reason[] {
  const limit = groupLimitOf(job);
  if (limit === null || groupRunningCount < limit.runningMax) return [];
  const text = `Its group ${limit.group} runs ${groupRunningCount} of at most ${count(limit.runningMax, "job")}.`;
  return [reason("group-full", text, "It goes on when one of them ends.")];
}

function whyOfServer({ isGiving }: ExplainFacts): readonly Reason[] {
  if (isGiving) return [];
  const text = "The server is starting or stopping and gives out nothing.";
  return [reason("not-giving", text, "It goes on when the server is up again.")];
}

/** What stands between a job and the workers that are there. */
function whyOfCrew(
  { queue, workers: present }: ExplainFacts,
  job: PendingJob,
  workers: readonly WorkerVerdict[],
): readonly Reason[] {
  const what = job.type === "" ? "worker" : `worker for ${job.type}`;
  const ofType = workers.filter(({ code }) => code !== "other-type" && code !== "gone");
  if (ofType.length === 0) {
    return [reason("no-worker", `No ${what} is connected.`, "Connect one.")];
  }
  const fit = ofType.filter(({ isFit }) => isFit);
  if (fit.length === 0) return [whyNoneFits(job, ofType, present)];
  const reasons: Reason[] = [];
  if (queue !== null && queue.before > 0) {
    const least = queue.isCapped ? "At least " : "";
    const text = `${least}${count(queue.before, "job")} of its type ${queue.before === 1 ? "is" : "are"} given out before it.`;
    const remedy = job.priority === "batch" ? "Immediate jobs go before batch jobs." : null;
    reasons.push(reason("queue", text, remedy));
  }
  if (!fit.some(({ code }) => code === "free")) {
    const text = `${fit.length === 1 ? "The one worker that may have it is" : `All ${fit.length} workers that may have it are`} at work.`;
    reasons.push(reason("all-busy", text, "Connect more, or wait for one."));
  }
  return reasons;
}

/** There are workers of its type, and none may have it. */
function whyNoneFits(
  job: PendingJob,
  ofType: readonly WorkerVerdict[],
  present: readonly WorkerFacts[],
): Reason {
  const code = "no-worker-fits";
  const number = ofType.length;
  const are = `${count(number, "worker")} of its type ${number === 1 ? "is" : "are"} connected, and`;
  const { requires } = job.options;
  const needs = needsOfJob(job);
  if (needs !== null && ofType.every((verdict) => verdict.code === "requirements")) {
    const offerers = present
      .filter(({ types }) => types.includes(job.type))
      .map(({ worker, offers }) => ({ workerId: worker.id, offers }));
    const text = `${are} ${number === 1 ? "it does not have" : "none has"} what the job requires: ${requires}.`;
    return reason(code, text, describeWanted(needs, offerers));
  }
  const ends = ofType.flatMap((verdict) => verdict.until ?? []);
  const at = ends.length === 0 ? null : Math.min(...ends);
  const remedy = "See workers for each, or connect another.";
  return { code, text: `${are} none may have it now.`, remedy, until: at };
}

function reason(code: ReasonCode, text: string, remedy: string | null = null): Reason {
  return { code, text, remedy, until: null };
}

function until(code: ReasonCode, text: string, at: Instant): Reason {
  return { code, text, remedy: null, until: at };
}

function nameOf({ id, name }: WorkerRef): string {
  return id === name ? name : `${name} (${id})`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function times(n: number): string {
  return n === 1 ? "once" : `${n} times`;
}
