// What people do to jobs: cancel, retry, hold, remove. A refusal of the rules becomes a problem in words.

import { GridError } from "../domain/errors.ts";
import { isSettled, type Job, type WorkerRef } from "../domain/job.ts";
import type { JobEvent } from "../domain/event.ts";
import type { JobRef } from "../domain/key.ts";
import { conflictRetryCountMax } from "../domain/limits.ts";
import type { Refusal, Step } from "../domain/step.ts";
import type { Clock } from "../platform/clock.ts";
import { advance, type AdvanceDeps } from "./advance.ts";
import { takeAway } from "./bytes.ts";
import { noSuchJob, requireJob } from "./read.ts";

export type OperateDeps = AdvanceDeps & { readonly clock: Clock };

/** Puts an operator's step to the job. Refusals in `asIs` mean it stands already as wanted. */
export async function operate(
  deps: OperateDeps,
  ref: JobRef,
  verb: Extract<Step["do"], "cancel" | "retry" | "hold" | "unhold">,
): Promise<Job> {
  const at = deps.clock.now();
  const step: Step = verb === "cancel" ? { do: verb, at, info: null } : { do: verb, at };
  const job = await requireJob(deps, ref);
  const move = await advance(deps, job, () => step);
  if (move === "no-such-job") throw noSuchJob(ref);
  if (move.kind === "moved") return move.job;
  if (move.why === "already-cancelled" || move.why === "not-due") return requireJob(deps, ref);
  throw refusal(await requireJob(deps, ref), verb, move.why);
}

/** Removes a job and all that belongs to it; its key is free at once. Answers with the key. */
export async function remove(
  deps: OperateDeps,
  ref: JobRef,
  { force }: { readonly force: boolean },
): Promise<string> {
  for (let round = 0; round < conflictRetryCountMax; round += 1) {
    let job = await requireJob(deps, ref);
    if (!isSettled(job)) {
      if (!force) {
        const message = `The job ${job.key} is ${job.status}. Cancel it first, or delete it with force=1.`;
        throw new GridError("still-active", message, { status: job.status });
      }
      const cancel = { do: "cancel", at: deps.clock.now(), info: "deleted" } as const;
      const move = await advance(deps, job, () => cancel);
      if (move === "no-such-job") throw noSuchJob(ref);
      if (move.kind === "refused") continue;
      job = move.job;
    }
    const event = deletion(job, deps.clock.now());
    const [removed] = await deps.jobs.remove([{ from: job.revision, seq: job.seq, event }]);
    if (removed?.kind !== "removed") continue;
    deps.feed.publish({ job, event, successor: null });
    for (const name of removed.freed) await takeAway(deps, name);
    return job.key;
  }
  throw new Error(`A job changed ${conflictRetryCountMax} times while it was being deleted.`);
}

export function deletion(job: Job, at: number): JobEvent {
  const worker: WorkerRef | null = null;
  return {
    at,
    change: "deleted",
    status: job.status,
    attempt: null,
    worker,
    reason: null,
    info: null,
  };
}

function refusal(job: Job, verb: string, why: Refusal): GridError {
  const info = { status: job.status };
  if (why === "already-done" || why === "already-settled") {
    const message = `The job ${job.key} is ${job.status} already and cannot be put to ${verb}.`;
    return new GridError("already-done", message, info);
  }
  const message = `The job ${job.key} is ${job.status}; ${verb} is not possible now.`;
  return new GridError("still-active", message, info);
}
