// Takes jobs in. The same submission twice is one job: a client that does not know may always send again.

import { GridError } from "../domain/errors.ts";
import { isSameOptions, type Job, type NewJob } from "../domain/job.ts";
import { keyProblem, parseJobRef } from "../domain/key.ts";
import type { Clock } from "../platform/clock.ts";
import type { MakeId } from "../platform/ids.ts";
import type { Submission, Submitted } from "./broker.ts";
import { discard, takeAway, type BytesDeps } from "./bytes.ts";

export type SubmitDeps = BytesDeps & {
  readonly clock: Clock;
  readonly makeId: MakeId;
};

/** Adds the job, or answers with the same one that stands already. `key-taken` when another has the key. */
export async function submit(deps: SubmitDeps, submission: Submission): Promise<Submitted> {
  const { payload, key } = submission;
  const problem = key === null ? null : keyProblem(key);
  if (problem !== null) {
    await discard(deps, payload);
    throw new GridError("malformed", problem);
  }
  const job = toNewJob(deps, submission);
  // Should this throw, the job may stand all the same: its bytes are not taken away, or it would lose them.
  const [added] = await deps.jobs.add([job]);
  if (added?.kind === "added") {
    if (added.spare !== null) await takeAway(deps, added.spare);
    return { key: job.key, id: job.id, seq: added.seq, isReplay: false };
  }
  await discard(deps, payload); // Whatever stands under the key has bytes of its own.
  return replay(deps, job);
}

export function toNewJob({ clock, makeId }: SubmitDeps, submission: Submission): NewJob {
  const id = makeId();
  const key = submission.key ?? id;
  return { ...submission, id, key, fromId: null, submittedAt: clock.now() };
}

/** The job that stands under the key, when it is the same; else `key-taken`. */
export async function replay(deps: SubmitDeps, job: NewJob): Promise<Submitted> {
  const standing = await deps.jobs.find(parseJobRef(job.key));
  // Deleted between the two looks: the key was free again a moment later, and so it may be sent again.
  if (standing === null || !isSame(standing, job)) {
    throw new GridError(
      "key-taken",
      `A job with the key ${job.key} already exists. Choose another key, or delete that job first.`,
      standing === null ? {} : { key: job.key, id: standing.id, status: standing.status },
    );
  }
  return { key: standing.key, id: standing.id, seq: standing.seq, isReplay: true };
}

/** Same type, bytes, priority, group and options; description and labels are for people and may differ. */
function isSame(standing: Job, job: NewJob): boolean {
  return (
    standing.type === job.type &&
    standing.payload.sha256 === job.payload.sha256 &&
    standing.payload.contentType === job.payload.contentType &&
    standing.priority === job.priority &&
    standing.group === job.group &&
    isSameOptions(standing.options, job.options)
  );
}
