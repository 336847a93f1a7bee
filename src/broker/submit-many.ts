// Takes many jobs in with one commit: what submit() does, without a commit and its wait for each. A job that is
// refused does not spoil the others.

import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import type { NewJob } from "../domain/job.ts";
import { keyProblem } from "../domain/key.ts";
import { submissionsPerCommitMax } from "../domain/limits.ts";
import type { Added } from "../store/job-store.ts";
import type { Submission, Submitted } from "./broker.ts";
import { discard, takeAway } from "./bytes.ts";
import { replay, toNewJob, type SubmitDeps } from "./submit.ts";

export type SubmitOutcome =
  | { readonly kind: "submitted"; readonly submitted: Submitted }
  | { readonly kind: "refused"; readonly error: GridError };

/** An outcome for each, in their order. Two of the same key among them are as if one came after the other. */
export async function submitMany(
  deps: SubmitDeps,
  submissions: readonly Submission[],
): Promise<readonly SubmitOutcome[]> {
  assert(submissions.length <= submissionsPerCommitMax, "the submissions fit into one commit");
  const problems = submissions.map(({ key }) => (key === null ? null : keyProblem(key)));
  const jobs = submissions
    .filter((_, index) => problems[index] === null)
    .map((submission) => toNewJob(deps, submission));
  const added = await addOrRefuse(deps, jobs);
  const outcomes: SubmitOutcome[] = [];
  let place = 0;
  for (const [index, { payload }] of submissions.entries()) {
    const problem = problems[index] ?? null;
    if (problem !== null) {
      await discard(deps, payload);
      outcomes.push(refused(new GridError("malformed", problem)));
      continue;
    }
    const job = jobs[place];
    const answer = added instanceof GridError ? added : added[place];
    assert(job !== undefined && answer !== undefined, "an add answers for each job");
    place += 1;
    outcomes.push(answer instanceof GridError ? refused(answer) : await settle(deps, job, answer));
  }
  return outcomes;
}

/** What the store refuses as a whole is refused for each: a client then knows which to send again. */
async function addOrRefuse(
  { jobs: store }: SubmitDeps,
  jobs: readonly NewJob[],
): Promise<readonly Added[] | GridError> {
  try {
    return jobs.length === 0 ? [] : await store.add(jobs);
  } catch (error) {
    // The jobs may stand all the same: their bytes are not taken away, or they would lose them.
    if (error instanceof GridError) return error;
    throw error;
  }
}

async function settle(deps: SubmitDeps, job: NewJob, added: Added): Promise<SubmitOutcome> {
  if (added.kind === "added") {
    if (added.spare !== null) await takeAway(deps, added.spare);
    const { key, id } = job;
    return { kind: "submitted", submitted: { key, id, seq: added.seq, isReplay: false } };
  }
  await discard(deps, job.payload); // Whatever stands under the key has bytes of its own.
  try {
    return { kind: "submitted", submitted: await replay(deps, job) };
  } catch (error) {
    if (error instanceof GridError) return refused(error);
    throw error;
  }
}

function refused(error: GridError): SubmitOutcome {
  return { kind: "refused", error };
}
