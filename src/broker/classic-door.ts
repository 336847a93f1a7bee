// Carries out what a classic conversation decides: the effects around the pure session.
// Everything a socket says is handled in the order it arrives.

import { unreachable } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import type { WorkerRef } from "../domain/job.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { parseClassic, statusRequest } from "../protocol/classic.ts";
import type { ClassicConnection, ClassicSocket } from "./broker.ts";
import { stageWhole } from "./bytes.ts";
import {
  freshClassicSession,
  stepClassicSession,
  type ClassicEffect,
  type ClassicInput,
  type ClassicSession,
  type ClassicWork,
} from "./classic-session.ts";
import type { Roster, Seat } from "./roster.ts";
import { complete, fail, giveBack, lose, type SettleDeps } from "./settle.ts";

export type ClassicDoorDeps = SettleDeps & {
  readonly clock: Clock;
  readonly log: Log;
  readonly roster: Roster;
  readonly verifyWorkerToken: (token: string) => boolean;
  readonly kickAfterMs: number;
  readonly payloadBytesMax: number;
  /** A worker joined or has room: the dispatcher may find something to do. */
  readonly onRoom: () => void;
  readonly onJoin: (seat: Seat) => void;
  readonly onLeave: (seat: Seat) => void;
  /** Owns work that goes on after the call returns; failures are logged. */
  readonly carryOut: (work: Promise<unknown>) => void;
  /** False while the worker is set aside. */
  readonly isTrusted: (worker: WorkerRef) => boolean;
};

/** A worker whose state is unsure is asked again after this long, as the original did. */
const recheckMs = 5_000;

export function attachClassic(deps: ClassicDoorDeps, socket: ClassicSocket): ClassicConnection {
  let session: ClassicSession = freshClassicSession;
  let seat: Seat | null = null;
  const grace = deps.clock.after(deps.kickAfterMs, () => step({ kind: "grace-over" }));
  let recheck: Timer | null = null;

  const step = (input: ClassicInput) => {
    const before = session.phase;
    const { session: next, effects } = stepClassicSession(session, input);
    session = next;
    for (const effect of effects) carryOut(effect);
    if (before !== session.phase) onPhase(session.phase);
  };

  const carryOut = (effect: ClassicEffect) => {
    switch (effect.do) {
      case "ask":
        return socket.sendText(statusRequest);
      case "join":
        grace.cancel();
        seat = createSeat(effect.worker);
        deps.roster.join(seat);
        return deps.onJoin(seat);
      case "progress": {
        const lease = deps.roster.lease(effect.work.seq);
        if (lease?.job.attempt.n === effect.work.attempt) {
          lease.progress = { percent: effect.percent, info: effect.info };
        }
        return;
      }
      case "complete":
        return deps.carryOut(keepResult(deps, effect.work, effect.bytes));
      case "fail": {
        const { work, info, logs } = effect;
        return deps.carryOut(fail(deps, { ...work, info, logs, retryable: true }));
      }
      case "lose":
        // While the server stops, lost connections are its own doing: the next start charges nobody.
        if (deps.isStopping()) return;
        return deps.carryOut(lose(deps, { ...effect.work, info: effect.info, charged: true }));
      case "note":
        return deps.log.warn(`classic.${effect.event}`, { connection: socket.connection });
      case "close":
        return socket.close(effect.code, effect.reason);
      default:
        return unreachable(effect);
    }
  };

  const onPhase = (phase: ClassicSession["phase"]) => {
    recheck?.cancel();
    recheck = null;
    if (phase === "unsure") recheckLater();
    if (seat === null) return;
    if (phase === "ready") {
      deps.roster.offer(seat, 1);
      deps.onRoom();
      return;
    }
    deps.roster.offer(seat, 0);
    if (phase !== "closed") return;
    deps.roster.leave(seat);
    deps.onLeave(seat);
  };

  // Goes on until an answer makes the state sure: a worker may be busy with work of its own for long.
  const recheckLater = () => {
    recheck = deps.clock.after(recheckMs, () => {
      step({ kind: "recheck" });
      if (session.phase === "unsure") recheckLater();
    });
  };

  const createSeat = (worker: WorkerRef): Seat => {
    return {
      connection: socket.connection,
      worker,
      types: [socket.type],
      address: socket.address,
      connectedAt: deps.clock.now(),
      slots: 1,
      offers: null,
      machine: null,
      vitals: () => null,
      tellDraining() {},
      payloadBytesMax: deps.payloadBytesMax,
      state() {
        if (session.phase === "closed") return "gone";
        if (!deps.isTrusted(worker)) return "quarantined";
        if (session.phase === "working") return "busy";
        return session.phase === "ready" ? "ready" : "unsure";
      },
      protocol: "classic",
      takesBytes: () => true,
      leaseMs: null,
      life: null,
      give({ job, payload }) {
        if (session.phase !== "ready" || payload === null) return false;
        step({ kind: "assigned", work: { seq: job.seq, attempt: job.attempt.n } });
        if (socket.sendBytes(payload)) return true;
        // What could not be sent whole leaves the worker in an unknown place: it must come anew.
        session = { ...session, work: null };
        socket.close(1013, "the payload could not be sent");
        step({ kind: "closed" });
        return false;
      },
      kick() {
        socket.close(1008, "kicked by an operator");
        step({ kind: "closed" });
      },
    };
  };

  return {
    get isRegistered() {
      return seat !== null;
    },
    text(frame) {
      const message = parseClassic(frame);
      if ("malformed" in message) return step({ kind: "malformed", why: message.malformed });
      const isTokenRight = message.code === 0 && deps.verifyWorkerToken(message.token);
      return step({ kind: "message", message, isTokenRight });
    },
    bytes: (bytes) => step({ kind: "bytes", bytes }),
    closed() {
      grace.cancel();
      step({ kind: "closed" });
    },
  };
}

async function keepResult(
  deps: ClassicDoorDeps,
  work: ClassicWork,
  bytes: Uint8Array,
): Promise<void> {
  try {
    const result = await stageWhole(deps, bytes);
    await complete(deps, { ...work, result });
  } catch (error) {
    // A classic worker has forgotten its result by now: the job is given out again, uncharged.
    const info = error instanceof GridError ? error.message : "The result could not be stored.";
    deps.log.error("job.result_not_stored", error, { job: work.seq, attempt: work.attempt });
    await giveBack(deps, { ...work, info }, "release");
  }
}
