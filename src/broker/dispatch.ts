// Gives ready jobs to free workers. Woken, never polling: many wake-ups before a round count as one.
// All claims of a round are written by one commit; only then is each job sent, as soon as its bytes are read.

import type { Instant, Job, RunningJob, WorkerRef } from "../domain/job.ts";
import { claimsPerRoundMax, dispatchRestMs } from "../domain/limits.ts";
import { isPastDeadline } from "../domain/transition.ts";
import { sha256 } from "../blobs/hashing.ts";
import type { Log } from "../platform/log.ts";
import { advance } from "./advance.ts";
import { readWhole } from "./bytes.ts";
import type { Assignment, Roster, Seat } from "./roster.ts";
import { giveBack, type SettleDeps } from "./settle.ts";

export type DispatchDeps = SettleDeps & {
  readonly roster: Roster;
  readonly log: Log;
  /** What waits are measured against: the wall clock, or later when it was set back. */
  readonly dueAt: () => Instant;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
  /** Owns work that goes on after a round; failures are logged. */
  readonly carryOut: (work: Promise<unknown>) => void;
};

type RoundDeps = DispatchDeps & { readonly wake: () => void };

export type Dispatcher = {
  /** Something may be possible now. Cheap; returns at once. */
  wake(): void;
  /** From here on nothing is given out. */
  drain(): void;
  /** Drains; resolves when the round under way is over. */
  stop(): Promise<void>;
};

type FitDeps = Pick<DispatchDeps, "roster" | "isTrusted">;

type Pair = { readonly job: Job; readonly seat: Seat; readonly waived: boolean };

/** Jobs looked at in one round, so that those which avoid the free workers do not hide those behind them. */
const lookAheadMax = 1_024;

export function createDispatcher(deps: DispatchDeps): Dispatcher {
  let isAwake = false;
  let isStopped = false;
  let running: Promise<void> | null = null;

  const drain = async () => {
    try {
      while (isAwake && !isStopped) {
        isAwake = false;
        if (await round(roundDeps)) isAwake = true;
      }
    } catch (error) {
      deps.log.error("dispatch.failed", error);
      deps.clock.after(dispatchRestMs, wake);
    } finally {
      running = null;
    }
  };

  const wake = () => {
    isAwake = true;
    if (running === null && !isStopped) running = drain();
  };
  const roundDeps: RoundDeps = { ...deps, wake };

  const stopGiving = () => {
    isStopped = true;
  };

  return {
    wake,
    drain: stopGiving,
    async stop() {
      stopGiving();
      await running;
    },
  };
}

/** Matches and claims. True when another round may find more to do. */
async function round(deps: RoundDeps): Promise<boolean> {
  const pairs = await findPairs(deps);
  for (const { seat } of pairs) deps.roster.withdraw(seat);
  const moved = await Promise.all(pairs.map((pair) => claimAndSend(deps, pair)));
  return moved.includes(true);
}

/** Looks at as many jobs as there are seats; further only when some of them fit none of the seats. */
async function findPairs(deps: DispatchDeps): Promise<readonly Pair[]> {
  const { roster } = deps;
  const types = [...roster.free().keys()];
  const seatCounts = types.map((type) => roster.free().get(type)?.size ?? 0);
  let limit = Math.min(Math.max(0, ...seatCounts), claimsPerRoundMax);
  for (;;) {
    if (limit === 0) return [];
    const ready = await readyJobs(deps, types, limit);
    const pairs = match(deps, ready);
    const mayFindMore = types.some((type) => isHidden(deps, { type, ready, pairs, limit }));
    if (!mayFindMore || limit >= lookAheadMax) return pairs;
    limit = Math.min(limit * 8, lookAheadMax);
  }
}

/**
 * After the clock was set back, waits run ahead of the wall for a while; deadlines do not. Jobs whose deadline
 * lies between the two are asked for by the wall, and come behind the others.
 */
async function readyJobs(deps: DispatchDeps, types: readonly string[], limit: number) {
  const [dueAt, now] = [deps.dueAt(), deps.clock.now()];
  const due = await deps.jobs.ready({ types, at: dueAt, limit });
  if (dueAt <= now) return due;
  const known = new Set(due.map(({ seq }) => seq));
  const byWall = await deps.jobs.ready({ types, at: now, limit });
  return [...due, ...byWall.filter(({ seq }) => !known.has(seq))];
}

type Look = {
  readonly type: string;
  readonly ready: readonly Job[];
  readonly pairs: readonly Pair[];
  readonly limit: number;
};

/** True when a seat of this type found nothing among the jobs looked at, and there are more behind them. */
function isHidden(deps: FitDeps, { type, ready, pairs, limit }: Look): boolean {
  const ofType = ready.filter((job) => job.type === type);
  if (ofType.length < limit) return false;
  const able = [...(deps.roster.free().get(type) ?? [])].filter(({ worker }) =>
    deps.isTrusted(worker),
  );
  return able.length > pairs.filter(({ job }) => job.type === type).length;
}

/** Each job in turn takes the seat that has been free longest among those that fit it. */
function match(deps: DispatchDeps, jobs: readonly Job[]): readonly Pair[] {
  const taken = new Set<Seat>();
  const pairs: Pair[] = [];
  const at = deps.clock.now();
  for (const job of jobs) {
    const free = deps.roster.free().get(job.type);
    if (free === undefined || isPastDeadline(job, at)) continue;
    const waived = job.avoid.length > 0 && !couldRunElsewhere(deps, job);
    for (const seat of free) {
      if (taken.has(seat) || !fits(deps, job, seat)) continue;
      if (!waived && job.avoid.includes(seat.worker.id)) continue;
      taken.add(seat);
      pairs.push({ job, seat, waived });
      break;
    }
  }
  return pairs;
}

function fits(deps: FitDeps, job: Job, seat: Seat): boolean {
  return job.payload.size <= seat.payloadBytesMax && deps.isTrusted(seat.worker);
}

/** True when a connected worker that the job does not avoid could run it, busy or not. */
export function couldRunElsewhere(deps: FitDeps, job: Job): boolean {
  for (const seat of deps.roster.seats()) {
    if (seat.type === job.type && fits(deps, job, seat) && !job.avoid.includes(seat.worker.id)) {
      return true;
    }
  }
  return false;
}

/** True when the job moved: another round may then find more to do. */
async function claimAndSend(deps: RoundDeps, pair: Pair): Promise<boolean> {
  const { seat } = pair;
  // Read while the claim is written.
  const reading = seat.takesBytes
    ? readPayload(deps, pair.job)
    : Promise.resolve("fetched" as const);
  const token = deps.random.bytes(32);
  try {
    const job = await claim(deps, pair, token);
    if (job === null) {
      // It changed meanwhile. By the timer, so that a store and a rule that disagree cannot stall the loop.
      rest(deps, seat, 1);
      return false;
    }
    // From the instant at which the claim is known: it may be cancelled while its bytes are read.
    const { leaseMs } = seat;
    deps.roster.hold(seat, job, { ms: deps.clock.monotonicMs(), leaseMs });
    deps.carryOut(send(deps, seat, { job, token }, reading));
    return true;
  } catch (error) {
    deps.log.error("dispatch.claim_failed", error, { job: pair.job.seq });
    rest(deps, seat, dispatchRestMs);
    return false;
  }
}

async function claim(
  deps: RoundDeps,
  { job, seat, waived }: Pair,
  token: Uint8Array,
): Promise<RunningJob | null> {
  const when = { at: deps.clock.now(), dueAt: deps.dueAt() };
  const { worker, leaseMs } = seat;
  const step = { do: "claim", ...when, worker, tokenHash: sha256(token), leaseMs, waived } as const;
  const move = await advance(deps, job, () => step);
  if (move === "no-such-job" || move.kind === "refused") return null;
  return move.job.status === "running" ? move.job : null;
}

/** The bytes, null when they are damaged or gone, or "unreadable" for now. */
async function readPayload(deps: RoundDeps, job: Job): Promise<Uint8Array | null | "unreadable"> {
  try {
    return await readWhole(deps, job.payload);
  } catch (error) {
    deps.log.error("dispatch.payload_unreadable", error, { job: job.seq });
    return "unreadable";
  }
}

async function send(
  deps: RoundDeps,
  seat: Seat,
  { job, token }: Pick<Assignment, "job" | "token">,
  reading: Promise<Uint8Array | null | "unreadable" | "fetched">,
): Promise<void> {
  const { seq, attempt, payload: content } = job;
  const payload = await reading;
  if (deps.roster.lease(seq)?.job !== job) {
    // Called off while its bytes were read.
    return offer(deps, seat);
  }
  if (payload === "unreadable") {
    rest(deps, seat, dispatchRestMs);
    const info = "The payload could not be read just now.";
    return giveBack(deps, { seq, attempt: attempt.n, info }, "return");
  }
  if (payload === null) {
    offer(deps, seat);
    deps.log.warn("job.payload_damaged", { job: seq, sha256: content.sha256 });
    const info = `The payload ${content.sha256} is missing or does not fit its hash.`;
    await advance(deps, job, () => ({ do: "damage", at: deps.clock.now(), info }));
    return;
  }
  if (seat.give({ job, token, payload: payload === "fetched" ? null : payload })) return;
  const info = "The worker was gone before the job could be sent.";
  await giveBack(deps, { seq, attempt: attempt.n, info }, "return");
}

/** Gives a seat that was reserved back to whoever comes next, if it still waits. */
function offer({ roster, wake }: RoundDeps, seat: Seat): void {
  const state = seat.state();
  if (state !== "ready" && state !== "quarantined") return;
  roster.offer(seat);
  wake();
}

/** The same, a little later. */
function rest(deps: RoundDeps, seat: Seat, ms: number): void {
  deps.clock.after(ms, () => offer(deps, seat));
}
