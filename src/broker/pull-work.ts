// What the token of an attempt opens, and nothing else does: the payload of its job, and a way to tell how it
// went. It opens late news as well; the rules decide what that is worth.

import { GridError } from "../domain/errors.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import type { Attempt, Job, JobSeq } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import type { JobRef } from "../domain/key.ts";
import { transition } from "../domain/transition.ts";
import { sha256 } from "../blobs/hashing.ts";
import { isSameDigest } from "../platform/digest.ts";
import type { Progress } from "./broker.ts";
import { noSuchJob } from "./read.ts";
import { reopen } from "./reopen.ts";
import type { Roster } from "./roster.ts";
import { complete, fail, giveBack, type Failure, type SettleDeps, type Verdict } from "./settle.ts";

/** Whether it is worth going on. */
export type Prospect = "continue" | "abandon";

export type PulledWork = {
  readonly job: Job;
  readonly attempt: number;
  readonly type: JobType;
  /** What any result would hear now, whatever its bytes; null while they are wanted or decide. */
  readonly foregone: "superseded" | "abandon" | null;
  /** A sign of life. */
  renew(): Prospect;
  /**
   * The same, with a word for people; without any the last one stays. An attempt that was given up is taken up
   * again when nobody else was given the job.
   */
  progress(progress: Progress): Promise<Prospect>;
  complete(result: NewContent): Promise<Verdict>;
  fail(report: Failure): Promise<Verdict>;
  release(info: string): Promise<Verdict>;
};

export type PullWorkDeps = SettleDeps & { readonly roster: Roster };

export async function openWork(
  deps: PullWorkDeps,
  ref: JobRef,
  attempt: number,
  token: Uint8Array,
): Promise<PulledWork> {
  const job = await deps.jobs.find(ref);
  if (job === null) {
    // An id cannot be guessed. Keys and numbers can: who has no token is not told which of them exist.
    throw ref.by === "id" ? noSuchJob(ref) : wrongToken(attempt);
  }
  const { seq } = job;
  const isNewest = job.attempt?.n === attempt;
  requireToken(isNewest ? job.attempt : await deps.jobs.attempt(seq, attempt), attempt, token);
  const report = { seq, attempt };
  const renewed = () => renew(deps, seq, attempt);
  renewed();
  return {
    job,
    attempt,
    type: deps.typeOf(job.type),
    foregone: foregone(deps, job, attempt),
    renew: renewed,
    async progress(progress) {
      const isHeld = renewed() === "continue";
      const keeper = { seat: null, stage: "running" } as const;
      if (!isHeld && (await reopen(deps, seq, attempt, keeper)) === null) return "abandon";
      const lease = deps.roster.lease(seq);
      const isSaid = progress.percent !== null || progress.info !== null;
      if (isSaid && lease?.job.attempt.n === attempt) lease.progress = progress;
      return "continue";
    },
    complete: (result) => complete(deps, { ...report, result }),
    fail: (said) => fail(deps, { ...report, ...said }),
    release: (info) => giveBack(deps, { ...report, info }, "release"),
  };
}

/** Puts the end of a lease off. Never to an earlier time: after a restart it lasts longer than it says. */
export function renew({ roster, clock }: PullWorkDeps, seq: JobSeq, attempt: number): Prospect {
  const lease = roster.lease(seq);
  if (lease === null || lease.job.attempt.n !== attempt) return "abandon";
  if (lease.life !== null) {
    lease.life.heardMs = clock.monotonicMs();
    if (lease.stage === "sent") lease.stage = "running"; // Who has the token has the job.
  }
  const { leaseMs } = lease.job.attempt;
  if (leaseMs !== null && lease.expiresMs !== null) {
    lease.expiresMs = Math.max(lease.expiresMs, clock.monotonicMs() + leaseMs);
  }
  return "continue";
}

/** Asks the rules with bytes that nobody has. */
function foregone(deps: PullWorkDeps, job: Job, attempt: number): PulledWork["foregone"] {
  const result = { sha256: "", size: 0, name: "", contentType: null };
  const step = { do: "complete", at: deps.clock.now(), attempt, result } as const;
  const move = transition(job, step, deps.typeOf(job.type));
  if (move.kind === "moved") return null;
  return move.why === "superseded" || move.why === "abandon" ? move.why : null;
}

function requireToken(standing: Attempt | null, attempt: number, token: Uint8Array): void {
  if (standing === null || !isSameDigest(standing.tokenHash, sha256(token))) {
    throw wrongToken(attempt);
  }
}

/** Names nothing that only those with the token may know. */
function wrongToken(attempt: number): GridError {
  return new GridError(
    "forbidden",
    `The token in Gridlike-Attempt-Token is not that of attempt ${attempt} of this job. Send the one that came with the claim.`,
  );
}
