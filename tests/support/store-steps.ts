// Puts steps to jobs in a store the way the broker does: find, decide, save. No retries: a conflict is an answer.

import { toContent, type NewContent } from "../../src/domain/blob-ref.ts";
import type { Attempt, Job, JobSeq, NewJob } from "../../src/domain/job.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import type { Step } from "../../src/domain/step.ts";
import { transition, type Moved } from "../../src/domain/transition.ts";
import type { Change, JobStore, Saved } from "../../src/store/job-store.ts";
import { aType, aWorker, now } from "./a-job.ts";
import { anEvent } from "./builders.ts";

type Beside = {
  readonly result?: NewContent;
  readonly successor?: NewJob;
  readonly logs?: string;
  readonly type?: JobType;
};

export async function requireJob(jobs: JobStore, seq: JobSeq): Promise<Job> {
  const job = await jobs.find({ by: "seq", seq });
  if (job === null) throw new Error(`There is no job ${seq}.`);
  return job;
}

/** Adds one job that must get in; answers with its number. */
export async function addJob(jobs: JobStore, job: NewJob): Promise<JobSeq> {
  const [added] = await jobs.add([job]);
  if (added?.kind !== "added") throw new Error(`The key "${job.key}" is taken.`);
  return added.seq;
}

/** The change that a step makes of a job as it stands. */
export function changeOf(job: Job, step: Step, beside: Beside = {}): Change {
  const move = moveOf(job, step, beside.type ?? aType({ name: job.type }));
  return {
    from: job.revision,
    job: move.job,
    event: move.event,
    attempt: step.do === "claim" ? move.job.attempt : null,
    result: beside.result ?? null,
    successor: beside.successor ?? null,
    logs: beside.logs ?? null,
  };
}

function moveOf(job: Job, step: Step, type: JobType): Moved {
  const move = transition(job, step, type);
  if (move.kind === "refused") throw new Error(`${step.do} is refused: ${move.why}`);
  return move;
}

/** Puts a step to the job as it stands now, which must take it. */
export async function putStep(
  jobs: JobStore,
  seq: JobSeq,
  step: Step,
  beside: Beside = {},
): Promise<Extract<Saved, { kind: "saved" }>> {
  const [saved] = await jobs.save([changeOf(await requireJob(jobs, seq), step, beside)]);
  if (saved?.kind !== "saved") throw new Error(`The job ${seq} changed meanwhile.`);
  return saved;
}

export function claimBy(worker: string, at = now): Extract<Step, { do: "claim" }> {
  const tokenHash = new Uint8Array(32).fill(7);
  return { do: "claim", at, worker: aWorker(worker), tokenHash, leaseMs: null, waived: true };
}

export function failOf(attempt: number, at = now): Extract<Step, { do: "fail" }> {
  return { do: "fail", at, attempt, info: "It broke.", retryable: true, chance: 0.5 };
}

/** Claims the job and completes its newest attempt with `result`. */
export async function runToDone(
  jobs: JobStore,
  seq: JobSeq,
  result: NewContent,
  successor?: NewJob,
): Promise<Extract<Saved, { kind: "saved" }>> {
  await putStep(jobs, seq, claimBy("a"));
  const { n } = (await requireJob(jobs, seq)).attempt as Attempt; // The claim just made it.
  const complete = { do: "complete", at: now, attempt: n, result: toContent(result) } as const;
  return putStep(jobs, seq, complete, { result, ...(successor && { successor }) });
}

/** What may be given out of these types, whatever its shape. */
export async function readyOf(
  jobs: JobStore,
  { types, at = now, limit = 100 }: { types: readonly string[]; at?: number; limit?: number },
): Promise<readonly Job[]> {
  const shapes = (await jobs.shapes(types)).map((shape) => ({ ...shape, limit }));
  return jobs.ready({ shapes, at, limit });
}

/** Takes the job away as it stands now; answers with the names that are thereby free. */
export async function removeJob(jobs: JobStore, seq: JobSeq): Promise<readonly string[]> {
  const job = await requireJob(jobs, seq);
  const event = anEvent({ status: job.status });
  const [removed] = await jobs.remove([{ from: job.revision, seq, event }]);
  if (removed?.kind !== "removed") throw new Error(`The job ${seq} changed meanwhile.`);
  return removed.freed;
}
