// What becomes of an attempt that a worker names when it comes back: it goes on, is delivered, is forgotten or is
// ended. Whoever proves an attempt with its token is believed, however long it was away.

import type { Attempt, Job, RunningJob } from "../domain/job.ts";
import { parseJobRef } from "../domain/key.ts";
import { conflictRetryCountMax } from "../domain/limits.ts";
import { sha256 } from "../blobs/hashing.ts";
import { isSameDigest } from "../platform/digest.ts";
import type { HeldAttempt, HeldVerdict } from "../protocol/worker-messages.ts";
import { reopen, type Keeper, type ReopenDeps } from "./reopen.ts";

export type Resumed = {
  readonly do: Verdict;
  /** The job while the attempt is the open one; null when there is nothing to hold. */
  readonly open: RunningJob | null;
};

type Verdict = HeldVerdict["do"];

export async function judgeHeld(
  deps: ReopenDeps,
  held: HeldAttempt,
  keeper: Keeper,
): Promise<Resumed> {
  const ref = parseJobRef(held.job);
  if (ref.by !== "id") return over("abandon");
  for (let round = 0; round < conflictRetryCountMax; round += 1) {
    const job = await deps.jobs.find(ref);
    if (job === null) return over("abandon");
    const attempt = await findAttempt(deps, job, held);
    if (attempt === null) {
      deps.log.warn("worker.unknown_attempt", { job: job.seq, attempt: held.attempt });
      return over("abandon");
    }
    const verdict = verdictOf(job, held);
    if (verdict === "reopen") {
      const isFinished = held.state === "finished";
      const reopened = await reopen(deps, job.seq, held.attempt, keeper);
      if (reopened !== null) return { do: isFinished ? "deliver" : "continue", open: reopened };
      const isOthers = (await deps.jobs.find(ref))?.revision !== job.revision;
      if (isOthers) continue; // It changed meanwhile: what it is now decides.
      return over(isFinished ? "deliver" : "abandon"); // A result counts until there is another.
    }
    if (verdict === "abandon" || verdict === "cancel" || !isOpenAttempt(job, held)) {
      return over(verdict);
    }
    const open = deps.heldJob(job.seq, held.attempt);
    if (open !== null) return { do: verdict, open };
    // It has just ended: the next look tells how.
  }
  return over("abandon");
}

function over(verdict: Verdict): Resumed {
  return { do: verdict, open: null };
}

/** The table of SEMANTICS: what the server knows against what the worker says. */
function verdictOf(job: Job, { attempt, state }: HeldAttempt): Verdict | "reopen" {
  if (attempt <= job.retriedAfter) return "abandon";
  if (job.status === "cancelled") return "cancel";
  if (job.status === "done" || job.status === "failed") return "abandon";
  const isAtWork = state === "queued" || state === "running";
  if (isOpenAttempt(job, { attempt })) return isAtWork ? "continue" : "deliver";
  if (job.status === "running") return state === "finished" ? "deliver" : "abandon";
  // What is finished is open again as well, so that nobody does it anew while it is on its way.
  return state === "failed" ? "deliver" : "reopen";
}

function isOpenAttempt(job: Job, { attempt }: Pick<HeldAttempt, "attempt">): boolean {
  return job.status === "running" && job.attempt.n === attempt;
}

/** The attempt, if the token is its own. */
async function findAttempt(
  { jobs }: ReopenDeps,
  job: Job,
  { attempt: n, token }: HeldAttempt,
): Promise<Attempt | null> {
  const attempt = job.attempt?.n === n ? job.attempt : await jobs.attempt(job.seq, n);
  if (attempt === null) return null;
  return isSameDigest(attempt.tokenHash, sha256(Uint8Array.fromHex(token))) ? attempt : null;
}
