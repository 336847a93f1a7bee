// Workers without a socket: one call takes a job, later calls with the attempt's token bring news of it.
// Between the calls nothing stands for the worker but the lease, which any sign of life renews.

import { GridError } from "../domain/errors.ts";
import type { JobSeq, RunningJob, WorkerRef } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import { pullReturnMs, pullWaiterCountMax } from "../domain/limits.ts";
import { advance } from "./advance.ts";
import { openBytes } from "./bytes.ts";
import type { News } from "./feed.ts";
import { createPullClaims } from "./pull-claims.ts";
import { openWork, renew, type Prospect, type PulledWork } from "./pull-work.ts";
import type { Roster, Seat } from "./roster.ts";
import { giveBack, lose, type SettleDeps } from "./settle.ts";

export type PullRequest = {
  readonly type: string;
  readonly worker: WorkerRef;
  readonly address: string;
  readonly leaseMs: number;
  readonly waitMs: number;
  /** A word of the caller's: the same word gets the same job again while its lease lasts. */
  readonly claim: string | null;
};

/** A job that a call took, and the proof of its attempt. */
export type Taken = { readonly job: RunningJob; readonly token: Uint8Array };

/** A job as a pull worker gets it. Whoever does not read the payload cancels it. */
export type Pulled = Taken & {
  readonly leaseMs: number;
  readonly payload: ReadableStream<Uint8Array> | Uint8Array;
  /** A sign of life. */
  renew(): Prospect;
};

export type PullDoor = {
  /** Resolves with a job, or null when none came in time. A job that nobody waits for any more is given back. */
  pull(request: PullRequest, stop: AbortSignal): Promise<Pulled | null>;
  /** `forbidden` unless the token is that of this attempt; `no-such-job` for an id that is none any more. */
  open(ref: JobRef, attempt: number, token: Uint8Array): Promise<PulledWork>;
  /** Forgets claims whose attempt is over. */
  note(news: News): void;
};

export type PullDoorDeps = SettleDeps & {
  readonly roster: Roster;
  readonly onRoom: () => void;
  readonly onJoin: (seat: Seat) => void;
  readonly carryOut: (work: Promise<unknown>) => void;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
  /** Resolves when every free seat was held against the jobs that are ready. */
  readonly look: () => Promise<void>;
};

export function createPullDoor(deps: PullDoorDeps): PullDoor {
  const { clock, roster } = deps;
  const isHeld = ({ job }: Taken) => roster.lease(job.seq)?.job.attempt.n === job.attempt.n;
  const claims = createPullClaims(isHeld);
  let seatCount = 0;
  let waiterCount = 0;
  let isWakingSoon = false;

  /** Jobs that waited for a worker that is done now go to it when it comes back at once, else to others. */
  const wakeSoon = () => {
    if (isWakingSoon) return;
    isWakingSoon = true;
    clock.after(pullReturnMs, () => {
      isWakingSoon = false;
      deps.onRoom();
    });
  };

  const take = async (request: PullRequest, waitMs: number, stop: AbortSignal) => {
    if (waiterCount >= pullWaiterCountMax) throw tooManyWaiters();
    seatCount += 1;
    waiterCount += 1;
    try {
      return await waitForJob(deps, `p${seatCount}`, { ...request, waitMs }, stop);
    } finally {
      waiterCount -= 1;
    }
  };

  const takeAgain = (claim: string, request: PullRequest, waitMs: number, stop: AbortSignal) => {
    const word = JSON.stringify([request.type, request.worker.id, claim]);
    return claims.once(word, stop, (end) => take(request, waitMs, end));
  };

  return {
    async pull(request, stop) {
      const { claim } = request;
      const endsMs = clock.monotonicMs() + request.waitMs;
      for (;;) {
        const waitMs = Math.max(endsMs - clock.monotonicMs(), 0);
        const taken = await (claim === null
          ? take(request, waitMs, stop)
          : takeAgain(claim, request, waitMs, stop));
        if (taken === null) return null;
        const payload = await openPayload(deps, taken);
        if (payload === null) continue; // Damaged: this call waits for another one.
        if (claim === null && stop.aborted) {
          if (payload instanceof ReadableStream) await payload.cancel();
          await takeBack(deps, taken, "The worker was gone before the job could be sent.");
          return null;
        }
        const { seq, attempt } = taken.job;
        const renewed = () => renew(deps, seq, attempt.n);
        renewed(); // A repeated claim is a sign of life.
        const leaseMs = attempt.leaseMs ?? request.leaseMs;
        return { ...taken, leaseMs, payload, renew: renewed };
      }
    },
    open: (ref, attempt, token) => openWork(deps, ref, attempt, token),
    note({ job }) {
      if (job.status === "running") return;
      claims.forget(job.seq);
      if (job.attempt !== null && job.attempt.leaseMs !== null) wakeSoon();
    },
  };
}

/** Takes a seat until a job is given to it, the time is up, or the caller is gone. */
function waitForJob(
  deps: PullDoorDeps,
  connection: string,
  request: PullRequest,
  stop: AbortSignal,
): Promise<Taken | null> {
  const { clock, roster } = deps;
  return new Promise((resolve) => {
    let state: "ready" | "busy" | "gone" = "ready";
    let taken: Taken | null = null;
    const end = () => {
      timer.cancel();
      stop.removeEventListener("abort", giveUp);
      roster.leave(seat);
      resolve(taken);
    };
    const giveUp = () => {
      if (state !== "ready") return;
      state = "gone";
      end();
    };
    const seat = createSeat(deps, connection, request, {
      state: () => state,
      give(given) {
        if (state !== "ready") return false;
        state = "busy";
        taken = given;
        end();
        return true;
      },
      kick: () => (taken === null ? giveUp() : deps.carryOut(loseKicked(deps, taken))),
    });
    // A last look: a claim for this seat may be on its way, and a call that does not wait wants one as well.
    const timer = clock.after(request.waitMs, () => deps.carryOut(deps.look().then(giveUp)));
    stop.addEventListener("abort", giveUp, { once: true });
    roster.join(seat);
    deps.onJoin(seat);
    roster.offer(seat, 1);
    deps.onRoom();
    if (stop.aborted) giveUp();
  });
}

type SeatState = {
  readonly state: () => "ready" | "busy" | "gone";
  readonly give: (taken: Taken) => boolean;
  readonly kick: () => void;
};

function createSeat(
  { clock, isTrusted }: PullDoorDeps,
  connection: string,
  { worker, type, address, leaseMs }: PullRequest,
  { state, give, kick }: SeatState,
): Seat {
  return {
    connection,
    worker,
    types: [type],
    address,
    slots: 1,
    offers: null,
    machine: null,
    vitals: () => null,
    tellDraining() {},
    protocol: "pull",
    connectedAt: clock.now(),
    payloadBytesMax: Number.MAX_SAFE_INTEGER,
    takesBytes: () => false,
    leaseMs,
    life: null,
    state: () => (state() === "ready" && !isTrusted(worker) ? "quarantined" : state()),
    give: ({ job, token }) => give({ job, token }),
    kick,
  };
}

/** The bytes, or null when they are gone: the job has failed of that. */
async function openPayload(deps: PullDoorDeps, taken: Taken) {
  const { job } = taken;
  try {
    return await openBytes(deps, job.payload);
  } catch (error) {
    if (error instanceof GridError && error.code === "bytes-forgotten") {
      deps.log.warn("job.payload_damaged", { job: job.seq, sha256: job.payload.sha256 });
      const info = `The payload ${job.payload.sha256} is missing.`;
      await advance(deps, job, () => ({ do: "damage", at: deps.clock.now(), info }));
      return null;
    }
    await takeBack(deps, taken, "The payload could not be read just now.");
    throw error;
  }
}

function takeBack(deps: PullDoorDeps, { job }: Taken, info: string): Promise<unknown> {
  return giveBack(deps, { ...aboutOf(job), info }, "return");
}

function loseKicked(deps: PullDoorDeps, { job }: Taken): Promise<void> {
  const info = "The worker was kicked by an operator.";
  return lose(deps, { ...aboutOf(job), info, charged: true });
}

function aboutOf(job: RunningJob): { readonly seq: JobSeq; readonly attempt: number } {
  return { seq: job.seq, attempt: job.attempt.n };
}

function tooManyWaiters(): GridError {
  return new GridError(
    "overloaded",
    `${pullWaiterCountMax} workers wait for jobs already. Claim again later.`,
  );
}
