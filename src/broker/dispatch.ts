// Gives ready jobs to free workers. Woken, never polling: many wake-ups before a round count as one.
// All claims of a round are written by one commit. Each job is sent when its bytes are read and its claim is durable;
// that of a worker of the original protocol need not be yet.

import type { Job, RunningJob } from "../domain/job.ts";
import { dispatchRestMs } from "../domain/limits.ts";
import { sha256 } from "../blobs/hashing.ts";
import type { Log } from "../platform/log.ts";
import { advance } from "./advance.ts";
import { readWhole } from "./bytes.ts";
import { findPairs, type FindDeps, type Pair } from "./find-pairs.ts";
import type { Assignment, Seat } from "./roster.ts";
import { giveBack, type SettleDeps } from "./settle.ts";

export type DispatchDeps = SettleDeps &
  FindDeps & {
    readonly log: Log;
    /** Owns work that goes on after a round; failures are logged. */
    readonly carryOut: (work: Promise<unknown>) => void;
  };

type RoundDeps = DispatchDeps & { readonly wake: () => void };

export type Dispatcher = {
  /** Something may be possible now. Cheap; returns at once. */
  wake(): void;
  /** Resolves after a whole round that begins from now on: its claims are written. */
  look(): Promise<void>;
  /** From here on nothing is given out. */
  drain(): void;
  /** Drains; resolves when the round under way is over. */
  stop(): Promise<void>;
};

export function createDispatcher(deps: DispatchDeps): Dispatcher {
  let isAwake = false;
  let isStopped = false;
  let running: Promise<void> | null = null;
  let lookers: (() => void)[] = [];

  const endLooks = () => {
    for (const seen of lookers.splice(0)) seen();
  };
  const drain = async () => {
    try {
      while (isAwake && !isStopped) {
        isAwake = false;
        const looking = lookers;
        lookers = [];
        try {
          if (await round(roundDeps)) isAwake = true;
        } finally {
          for (const seen of looking) seen();
        }
      }
    } catch (error) {
      deps.log.error("dispatch.failed", error);
      deps.clock.after(dispatchRestMs, wake);
    } finally {
      running = null;
      if (isStopped) endLooks();
    }
  };

  const wake = () => {
    isAwake = true;
    if (running === null && !isStopped) running = drain();
  };
  const roundDeps: RoundDeps = { ...deps, wake };

  const stopGiving = () => {
    isStopped = true;
    if (running === null) endLooks();
  };

  return {
    wake,
    look() {
      if (isStopped) return Promise.resolve();
      return new Promise((seen) => {
        lookers.push(seen);
        wake();
      });
    },
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
  for (const { seat } of pairs) deps.roster.reserve(seat);
  const moved = await Promise.all(pairs.map((pair) => claimAndSend(deps, pair)));
  return moved.includes(true);
}

/** True when the job moved: another round may then find more to do. */
async function claimAndSend(deps: RoundDeps, pair: Pair): Promise<boolean> {
  const { seat } = pair;
  // Read while the claim is written.
  const reading = seat.takesBytes(pair.job.payload.size)
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
  // These lose their jobs with every restart, and know no number of their attempt that could be given out twice.
  const isSoon = seat.protocol === "classic";
  const move = await advance(deps, job, () => step, { isSoon });
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
    return free(deps, seat);
  }
  if (payload === "unreadable") {
    rest(deps, seat, dispatchRestMs);
    const info = "The payload could not be read just now.";
    await giveBack(deps, { seq, attempt: attempt.n, info }, "return");
    return;
  }
  if (payload === null) {
    free(deps, seat);
    deps.log.warn("job.payload_damaged", { job: seq, sha256: content.sha256 });
    const info = `The payload ${content.sha256} is missing or does not fit its hash.`;
    await advance(deps, job, () => ({ do: "damage", at: deps.clock.now(), info }));
    return;
  }
  deps.roster.unreserve(seat);
  if (seat.give({ job, token, payload: payload === "fetched" ? null : payload })) return;
  const info = "The worker was gone before the job could be sent.";
  await giveBack(deps, { seq, attempt: attempt.n, info }, "return");
}

/** Gives room that was reserved back to whoever comes next. */
function free({ roster, wake }: RoundDeps, seat: Seat): void {
  roster.unreserve(seat);
  wake();
}

/** The same, a little later. */
function rest(deps: RoundDeps, seat: Seat, ms: number): void {
  deps.clock.after(ms, () => free(deps, seat));
}
