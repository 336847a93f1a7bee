// Workers without a socket: one call takes a job, later calls with the attempt's token bring news of it.
// Between the calls nothing stands for the worker but the lease, which any news renews.

import { GridError } from "../domain/errors.ts";
import type { Content, NewContent } from "../domain/blob-ref.ts";
import type { Attempt, Job, JobSeq, RunningJob, WorkerRef } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import { pullClaimCountMax } from "../domain/limits.ts";
import { sha256 } from "../blobs/hashing.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Progress } from "./broker.ts";
import type { News } from "./feed.ts";
import { requireJob } from "./read.ts";
import type { Assignment, Roster, Seat } from "./roster.ts";
import { complete, type Failure, fail, giveBack, type SettleDeps, type Verdict } from "./settle.ts";

export type PullRequest = {
  readonly type: string;
  readonly worker: WorkerRef;
  readonly address: string;
  readonly leaseMs: number;
  readonly waitMs: number;
  /** A word of the caller's: the same word gets the same job again while its lease lasts. */
  readonly claim: string | null;
};

/** A job as a pull worker gets it. */
export type Pulled = {
  readonly job: RunningJob;
  readonly token: Uint8Array;
  readonly leaseMs: number;
};

/** What the token of an attempt opens. */
export type PulledWork = {
  readonly job: Job;
  readonly payload: Content;
  /** Renews the lease. */
  progress(progress: Progress): "continue" | "abandon";
  complete(result: NewContent): Promise<Verdict>;
  fail(report: Failure): Promise<Verdict>;
  release(info: string): Promise<void>;
};

export type PullDoor = {
  /** Resolves with a job, or null when none came in time. */
  pull(request: PullRequest, stop: AbortSignal): Promise<Pulled | null>;
  /** `forbidden` unless the token is that of this attempt. */
  open(ref: JobRef, attempt: number, token: Uint8Array): Promise<PulledWork>;
  /** Forgets claims whose attempt is over. */
  note(news: News): void;
};

export type PullDoorDeps = SettleDeps & {
  readonly jobs: JobStore;
  readonly roster: Roster;
  readonly onRoom: () => void;
  readonly onJoin: (seat: Seat) => void;
  readonly carryOut: (work: Promise<unknown>) => void;
  /** A lease was renewed until then. */
  readonly onLease: (dueMs: number) => void;
};

export function createPullDoor(deps: PullDoorDeps): PullDoor {
  const pulledByClaim = new Map<string, Promise<Pulled | null>>();
  const claimBySeq = new Map<JobSeq, string>();
  let seatCount = 0;

  const pullOnce = async (request: PullRequest, stop: AbortSignal): Promise<Pulled | null> => {
    seatCount += 1;
    const assignment = await waitForJob(deps, `pull-${seatCount}`, request, stop);
    if (assignment === null) return null;
    const { job, token } = assignment;
    return { job, token, leaseMs: request.leaseMs };
  };

  const pullAgain = async (claim: string, request: PullRequest, stop: AbortSignal) => {
    const standing = await pulledByClaim.get(claim);
    if (standing !== undefined && standing !== null) return standing;
    if (pulledByClaim.size >= pullClaimCountMax) throw tooManyClaims();
    const pulling = pullOnce(request, stop);
    pulledByClaim.set(claim, pulling);
    const pulled = await pulling.catch((error: unknown) => {
      pulledByClaim.delete(claim);
      throw error;
    });
    if (pulled === null) pulledByClaim.delete(claim);
    else claimBySeq.set(pulled.job.seq, claim);
    return pulled;
  };

  return {
    pull: (request, stop) =>
      request.claim === null ? pullOnce(request, stop) : pullAgain(request.claim, request, stop),

    async open(ref, n, token) {
      const job = await requireJob(deps, ref);
      const attempt = job.attempt?.n === n ? job.attempt : await deps.jobs.attempt(job.seq, n);
      requireToken(attempt, token, `attempt ${n} of the job ${job.key}`);
      return openWork(deps, job, n);
    },

    note({ job, event }) {
      const claim = claimBySeq.get(job.seq);
      if (claim === undefined || event.change === "claimed" || job.status === "running") return;
      claimBySeq.delete(job.seq);
      pulledByClaim.delete(claim);
    },
  };
}

/** Takes a seat until a job is given to it, the time is up, or the caller is gone. */
function waitForJob(
  deps: PullDoorDeps,
  connection: string,
  { type, worker, address, leaseMs, waitMs }: PullRequest,
  stop: AbortSignal,
): Promise<Assignment | null> {
  const { clock, roster } = deps;
  return new Promise((resolve) => {
    let state: "ready" | "busy" | "gone" = "ready";
    const end = (assignment: Assignment | null) => {
      state = assignment === null ? "gone" : "busy";
      timer.cancel();
      stop.removeEventListener("abort", giveUp);
      roster.leave(seat);
      resolve(assignment);
    };
    const giveUp = () => end(null);
    const seat: Seat = {
      connection,
      worker,
      type,
      address,
      protocol: "pull",
      connectedAt: clock.now(),
      payloadBytesMax: Number.MAX_SAFE_INTEGER,
      takesBytes: false,
      leaseMs,
      state: () => state,
      give(assignment) {
        if (state !== "ready") return false;
        end(assignment);
        return true;
      },
      kick: giveUp,
    };
    const timer = clock.after(waitMs, giveUp);
    stop.addEventListener("abort", giveUp, { once: true });
    roster.join(seat);
    deps.onJoin(seat);
    roster.offer(seat);
    deps.onRoom();
    if (stop.aborted) giveUp();
  });
}

function openWork(deps: PullDoorDeps, job: Job, n: number): PulledWork {
  const { seq } = job;
  const report = { seq, attempt: n };
  return {
    job,
    payload: job.payload,
    progress(progress) {
      const lease = deps.roster.lease(seq);
      if (lease === null || lease.job.attempt.n !== n) return "abandon";
      lease.progress = progress;
      renew(deps, seq, n);
      return "continue";
    },
    complete: (result) => complete(deps, { ...report, result }),
    fail: (said) => fail(deps, { ...report, ...said }),
    release: (info) => giveBack(deps, { ...report, info }, "release"),
  };
}

function renew({ roster, clock, onLease }: PullDoorDeps, seq: JobSeq, n: number): void {
  const lease = roster.lease(seq);
  const leaseMs = lease?.job.attempt.leaseMs ?? null;
  if (lease === null || lease.job.attempt.n !== n || leaseMs === null) return;
  lease.expiresMs = clock.monotonicMs() + leaseMs;
  onLease(leaseMs);
}

function requireToken(attempt: Attempt | null, token: Uint8Array, what: string): void {
  if (attempt !== null && isSame(attempt.tokenHash, sha256(token))) return;
  throw new GridError(
    "forbidden",
    `The token in Gridlike-Attempt-Token is not that of ${what}. Send the one that came with the claim.`,
  );
}

/** Takes the same time whichever byte differs. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i += 1) difference |= (one[i] ?? 0) ^ (other[i] ?? 0);
  return difference === 0;
}

function tooManyClaims(): GridError {
  return new GridError(
    "overloaded",
    `${pullClaimCountMax} claims are remembered already. Claim without Gridlike-Claim, or finish jobs first.`,
  );
}
