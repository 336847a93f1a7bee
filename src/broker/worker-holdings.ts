// What connected workers have in their hands, and how their leases stand: confirmed when a worker speaks of them,
// taken up again when it comes back, left to themselves when its connection ends. One set of verbs for all workers,
// so that an idle one costs a few fields.

import type { RunningJob } from "../domain/job.ts";
import { killAfterMsDefault } from "../domain/limits.ts";
import type { HeldAttempt, HeldVerdict } from "../protocol/worker-messages.ts";
import type { Progress } from "./broker.ts";
import { reopen, type ReopenDeps } from "./reopen.ts";
import { timeLimitMs } from "./rescue.ts";
import type { Lease, Life, Seat, Stage } from "./roster.ts";
import { giveBack } from "./settle.ts";
import type { Hand, Hands, Holder } from "./worker-hands.ts";
import { endOfSilenceMs, giveUp } from "./worker-leases.ts";
import { judgeHeld } from "./worker-resume.ts";

export type HoldingsDeps = ReopenDeps & {
  readonly hands: Hands;
  readonly carryOut: (work: Promise<unknown>) => void;
  readonly lostMsFirst: () => number;
  /** By the monotonic clock: something may be due then. */
  readonly wakeAt: (ms: number) => void;
};

/** The hands of one worker: of its connection alone. */
export type Own = {
  readonly holder: Holder;
  readonly life: Life;
  /** Null before it was greeted. */
  seat: Seat | null;
  /** By names of attempts; null while there are none. */
  hands: Map<string, Hand> | null;
};

export type Holdings = {
  find(own: Own, job: string, attempt: number): Hand | null;
  /** A job that is being given. */
  take(own: Own, job: RunningJob): void;
  remove(own: Own, hand: Hand): void;
  /** Verdicts for what the worker names; those that go on are in its hands from then on. */
  resume(own: Own, held: readonly HeldAttempt[]): Promise<readonly Named[]>;
  /** The worker speaks of it: it has it. */
  confirm(own: Own, hand: Hand, stage: Exclude<Stage, "sent" | "unknown">): void;
  progress(hand: Hand, said: Progress): void;
  /** True while its attempt is the open one. */
  isOpen(hand: Hand): boolean;
  /** What the worker did not name when it came back it does not have. */
  endUnnamed(own: Own): void;
  /** The connection is over. `left`: the worker does not come back, and what was never confirmed goes to others. */
  leave(own: Own, how: "detached" | "left" | "lost"): void;
};

/** A verdict, and the hand that it put the attempt into. */
export type Named = { readonly line: HeldVerdict; readonly hand: Hand | null };

export function createHoldings(deps: HoldingsDeps): Holdings {
  const { roster, clock, hands } = deps;

  const find: Holdings["find"] = ({ hands: own }, job, attempt) =>
    own?.get(nameOf(job, attempt)) ?? null;
  const put = (own: Own, { seq, id, type, attempt }: RunningJob, isNamed: boolean): Hand => {
    const { n, tokenHash } = attempt;
    const about = { seq, job: id, attempt: n, type, tokenHash, holder: own.holder };
    const hand: Hand = { ...about, fate: "open", isCounted: isNamed, isNamed, reviving: null };
    own.hands ??= new Map();
    own.hands.set(nameOf(id, n), hand);
    hands.put(hand);
    return hand;
  };
  const leaseOf = ({ seq, attempt }: Pick<Hand, "seq" | "attempt">): Lease | null => {
    const lease = roster.lease(seq);
    return lease?.job.attempt.n === attempt ? lease : null;
  };
  const holdAnew = (
    seat: Seat | null,
    { job, sinceMs: ms, stage, ranBeforeMs, progress }: Lease,
    how: { readonly life: Life; readonly stage?: Stage },
  ) => {
    const { leaseMs } = job.attempt;
    roster.hold(seat, job, { ms, leaseMs, stage, ranBeforeMs, progress, ...how });
  };
  /** The connection ended while the attempt was looked up. */
  const leaveAlone = ({ seat, life }: Own, lease: Lease) => {
    if (lease.seat === seat) holdAnew(null, lease, { life });
  };

  const resumeOne = async (own: Own, held: HeldAttempt): Promise<Named> => {
    const { job, attempt } = held;
    const stage = held.state === "queued" ? "waiting" : "running";
    const resumed = await judgeHeld(deps, held, { seat: own.seat, stage });
    const named = (verdict: HeldVerdict["do"], hand: Hand | null = null): Named => {
      return { line: { job, attempt, do: verdict }, hand };
    };
    if (resumed.open === null) return named(resumed.do);
    const lease = leaseOf({ seq: resumed.open.seq, attempt });
    if (lease === null) return named("abandon"); // It ended this very moment.
    if (!own.life.isConnected) {
      leaveAlone(own, lease);
      return named(resumed.do);
    }
    const isOthers =
      lease.seat !== null && lease.seat !== own.seat && lease.life?.isConnected === true;
    if (isOthers) return named(resumed.do === "deliver" ? "deliver" : "abandon");
    if (find(own, job, attempt) !== null) return named(resumed.do); // Named twice.
    holdAnew(own.seat, lease, { life: own.life, stage });
    return named(resumed.do, put(own, lease.job, false));
  };
  const revive = async (own: Own, hand: Hand, stage: Stage) => {
    hand.fate = "open"; // Asked once at a time; news of the answer may come first.
    const isOpen = await reopen(deps, hand.seq, hand.attempt, { seat: own.seat, stage });
    const lease = leaseOf(hand);
    if (isOpen !== null) {
      if (!own.life.isConnected && lease !== null) leaveAlone(own, lease);
      // It ended meanwhile, when it counted as lost: nobody would say so again.
      else if (find(own, hand.job, hand.attempt) !== hand) {
        const info = "Its worker ended it while it was taken up again.";
        await giveBack(deps, { seq: hand.seq, attempt: hand.attempt, info }, "release");
      }
      return;
    }
    if (hand.fate !== "open" || lease !== null) return;
    hand.fate = "told";
    own.holder.cancel(hand, "superseded");
  };
  /** Its time begins to run: nobody looks for that by himself. */
  const wakeForLimit = ({ job, sinceMs }: Lease) => {
    const limitMs = timeLimitMs(job, deps.typeOf(job.type));
    if (limitMs !== null) deps.wakeAt(sinceMs + limitMs + killAfterMsDefault);
  };
  /** Answers when the attempt is lost unless the worker comes back. */
  const detach = (lease: Lease, life: Life): number => {
    holdAnew(null, lease, { life });
    return endOfSilenceMs(lease, life, deps.typeOf(lease.job.type), deps.lostMsFirst());
  };

  return {
    find,
    take: (own, job) => void put(own, job, true),
    remove(own, hand) {
      if (own.hands?.delete(nameOf(hand.job, hand.attempt)) === true) hands.remove(hand);
    },
    resume: (own, held) => Promise.all(held.map((one) => resumeOne(own, one))),
    confirm(own, hand, stage) {
      const lease = leaseOf(hand);
      if (lease === null) {
        if (hand.fate !== "lost") return;
        hand.reviving = revive(own, hand, stage).finally(() => (hand.reviving = null));
        return deps.carryOut(hand.reviving);
      }
      if (lease.stage === "running") return;
      // Until it is told to run, it has waited.
      if (stage === "waiting" || lease.stage !== "unknown") lease.sinceMs = clock.monotonicMs();
      lease.stage = stage;
      if (stage === "running") wakeForLimit(lease);
    },
    progress(hand, { percent, info }) {
      const lease = leaseOf(hand);
      if (lease === null) return;
      const former = lease.progress ?? { percent: null, info: null };
      lease.progress = { percent: percent ?? former.percent, info: info ?? former.info };
    },
    isOpen: (hand) => leaseOf(hand) !== null,
    endUnnamed({ seat }) {
      if (seat === null) return;
      const info = "Its worker came back without it.";
      for (const lease of roster.detached(seat.worker.id)) {
        deps.carryOut(giveUp(deps, lease, { info, charged: lease.stage === "running" }));
      }
    },
    leave(own, how) {
      let nextMs = Infinity;
      for (const hand of own.hands?.values() ?? []) {
        hands.remove(hand);
        const lease = leaseOf(hand);
        if (lease === null || lease.seat !== own.seat || deps.isStopping()) continue;
        if (how === "lost") {
          const info = "The worker was kicked by an operator.";
          deps.carryOut(giveUp(deps, lease, { info, charged: lease.stage === "running" }));
        } else if (how === "left" && lease.stage === "sent") {
          const info = "The worker left before it confirmed that the job arrived.";
          const about = { seq: hand.seq, attempt: hand.attempt, info };
          deps.carryOut(giveBack(deps, about, "return"));
        } else nextMs = Math.min(nextMs, detach(lease, own.life));
      }
      own.hands = null;
      if (Number.isFinite(nextMs)) deps.wakeAt(nextMs);
    },
  };
}

function nameOf(job: string, attempt: number): string {
  return `${job}.${attempt}`;
}
