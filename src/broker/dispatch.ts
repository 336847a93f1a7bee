// Gives ready jobs to free workers. Woken, never polling: many wake-ups before a round count as one.
// All claims of a round are written by one commit; only then are the jobs sent.

import type { Instant, Job, WorkerRef } from "../domain/job.ts";
import { claimsPerRoundMax } from "../domain/limits.ts";
import { isPastDeadline } from "../domain/transition.ts";
import { sha256 } from "../blobs/hashing.ts";
import type { Log } from "../platform/log.ts";
import { advance } from "./advance.ts";
import { readWhole } from "./bytes.ts";
import type { Roster, Seat } from "./roster.ts";
import { giveBack, type SettleDeps } from "./settle.ts";

export type DispatchDeps = SettleDeps & {
  readonly roster: Roster;
  readonly log: Log;
  /** What waits are measured against: the wall clock, or later when it was set back. */
  readonly dueAt: () => Instant;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
};

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
        if (await round(deps)) isAwake = true;
      }
    } catch (error) {
      deps.log.error("dispatch.failed", error);
    } finally {
      running = null;
    }
  };

  const stopGiving = () => {
    isStopped = true;
  };

  return {
    wake() {
      isAwake = true;
      if (running === null && !isStopped) running = drain();
    },
    drain: stopGiving,
    async stop() {
      stopGiving();
      await running;
    },
  };
}

/** Matches, claims, sends. True when another round may find more to do. */
async function round(deps: DispatchDeps): Promise<boolean> {
  const pairs = await findPairs(deps);
  for (const { seat } of pairs) deps.roster.withdraw(seat);
  const moved = await Promise.all(pairs.map((pair) => claimAndSend(deps, pair)));
  return moved.includes(true);
}

/** Looks at as many jobs as there are seats; further only when some of them fit none of the seats. */
async function findPairs(deps: DispatchDeps): Promise<readonly Pair[]> {
  const { roster, jobs } = deps;
  const types = [...roster.free().keys()];
  const seatCounts = types.map((type) => roster.free().get(type)?.size ?? 0);
  let limit = Math.min(Math.max(0, ...seatCounts), claimsPerRoundMax);
  for (;;) {
    if (limit === 0) return [];
    const ready = await jobs.ready({ types, at: deps.dueAt(), limit });
    const pairs = match(deps, ready);
    const mayFindMore = pairs.length < ready.length && ready.length >= limit;
    if (!mayFindMore || limit >= lookAheadMax) return pairs;
    limit = Math.min(limit * 8, lookAheadMax);
  }
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
async function claimAndSend(deps: DispatchDeps, { job, seat, waived }: Pair): Promise<boolean> {
  const { clock, random, roster } = deps;
  const tokenHash = sha256(random.bytes(32));
  const when = { at: clock.now(), dueAt: deps.dueAt() };
  const claim = { do: "claim", ...when, worker: seat.worker, tokenHash, waived } as const;
  const [move, payload] = await Promise.all([
    advance(deps, job, () => claim),
    readWhole(deps, job.payload),
  ]);
  if (move === "no-such-job" || move.kind === "refused" || move.job.status !== "running") {
    roster.offer(seat);
    return false;
  }
  const { seq, attempt } = move.job;
  if (payload === null) {
    roster.offer(seat);
    deps.log.warn("job.payload_damaged", { job: seq, sha256: job.payload.sha256 });
    const info = `The payload ${job.payload.sha256} is missing or does not fit its hash.`;
    await advance(deps, move.job, () => ({ do: "damage", at: clock.now(), info }));
    return true;
  }
  roster.hold(seat, move.job, clock.monotonicMs());
  if (!seat.give({ job: move.job, payload })) {
    const info = "The worker was gone before the job could be sent.";
    await giveBack(deps, { seq, attempt: attempt.n, info }, "return");
  }
  return true;
}
