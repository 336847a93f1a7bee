// The only road to `save`: reads a job, puts a step to the rules, writes the move, tells the feed.
// When the row changed meanwhile the rule is asked again on what stands there now.

import type { NewContent } from "../domain/blob-ref.ts";
import { assert } from "../domain/assert.ts";
import { successorOf } from "../domain/chain.ts";
import type { Job, JobSeq } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import type { JobRef } from "../domain/key.ts";
import { conflictRetryCountMax } from "../domain/limits.ts";
import type { Step } from "../domain/step.ts";
import { transition, type Move, type Moved } from "../domain/transition.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { MakeId } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import type { Change, JobStore } from "../store/job-store.ts";
import { takeAway } from "./bytes.ts";
import type { Feed } from "./feed.ts";

export type AdvanceDeps = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly feed: Feed;
  readonly makeId: MakeId;
  readonly typeOf: (name: string) => JobType;
  /** What a job said in an attempt while it ran: kept with the move that ends the attempt. */
  readonly saidIn: (seq: JobSeq, attempt: number) => string | null;
};

/** What is written together with the move. */
export type Attachment = {
  readonly result?: NewContent;
  readonly logs?: string | null;
  /** A crash of the next milliseconds may undo it: not waited for until it is durable. */
  readonly isSoon?: boolean;
};

/**
 * Puts a step to the job that `at` names or is. Resolves when the move is durable, or with the refusal.
 * A job handed in is trusted to be fresh; should it be stale, the save conflicts and it is read again.
 */
export async function advance(
  deps: AdvanceDeps,
  at: JobRef | Job,
  step: (job: Job) => Step,
  attachment: Attachment = {},
): Promise<Move | "no-such-job"> {
  let job: Job | null = "revision" in at ? at : await deps.jobs.find(at);
  for (let round = 0; round < conflictRetryCountMax; round += 1) {
    if (job === null) return "no-such-job";
    const move = transition(job, step(job), deps.typeOf(job.type));
    if (move.kind === "refused") return move;
    const change = toChange(deps, job, move, attachment);
    const [saved] = attachment.isSoon
      ? [await deps.jobs.saveSoon(change, () => {})]
      : await deps.jobs.save([change]);
    assert(saved !== undefined, "a save answers for each change");
    if (saved.kind === "saved") {
      const { result } = change;
      deps.feed.publish({ job: move.job, event: move.event, successor: saved.successor, result });
      if (saved.spare !== null) await takeAway(deps, saved.spare);
      return move;
    }
    job = await deps.jobs.find({ by: "seq", seq: job.seq });
  }
  throw new Error(`A job's row changed ${conflictRetryCountMax} times under one step.`);
}

/**
 * Puts a step to each of several jobs, with one commit for all. A job that changed meanwhile is asked again alone.
 * Answers in their order.
 */
export async function advanceEach(
  deps: AdvanceDeps,
  jobs: readonly Job[],
  step: (job: Job) => Step,
): Promise<readonly (Move | "no-such-job")[]> {
  const moves = jobs.map((job) => transition(job, step(job), deps.typeOf(job.type)));
  const changes = moves.flatMap((move, index) =>
    move.kind === "moved" ? [toChange(deps, jobs[index]!, move, {})] : [],
  );
  const saved = changes.length === 0 ? [] : await deps.jobs.save(changes);
  const answers: (Move | "no-such-job")[] = [];
  let place = 0;
  for (const [index, move] of moves.entries()) {
    if (move.kind === "refused") {
      answers.push(move);
      continue;
    }
    const written = saved[place];
    assert(written !== undefined, "a save answers for each change");
    place += 1;
    if (written.kind === "conflict") {
      answers.push(await advance(deps, { by: "seq", seq: jobs[index]!.seq }, step));
      continue;
    }
    deps.feed.publish({ job: move.job, event: move.event, successor: written.successor });
    answers.push(move);
  }
  return answers;
}

function toChange(deps: AdvanceDeps, before: Job, move: Moved, attachment: Attachment): Change {
  const { job, event } = move;
  const isDone = job.status === "done" && event.change === "completed";
  assert(!isDone || attachment.result !== undefined, "a completed job brings its result");
  return {
    from: before.revision,
    job,
    event,
    attempt: event.change === "claimed" ? job.attempt : null,
    result: isDone ? (attachment.result ?? null) : null,
    successor: isDone ? successorOf(job, deps.typeOf(job.type), deps.makeId(), event.at) : null,
    logs: attachment.logs ?? said(deps, move),
  };
}

function said(deps: AdvanceDeps, { job, event }: Moved): string | null {
  const isEnd = event.change !== "claimed" && event.change !== "reopened";
  return isEnd && event.attempt !== null ? deps.saidIn(job.seq, event.attempt) : null;
}
