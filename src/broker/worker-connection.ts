// Connections of v2 workers: carries out what the pure session decides. Frames are handled in the order in which they
// arrive; what takes longer answers when it is done.

import { unreachable } from "../domain/assert.ts";
import type { WorkerRef } from "../domain/job.ts";
import {
  helloMsMax,
  pongMsMax,
  reportsUnderWayBytesMax,
  reportsUnderWayCountMax,
  restartRetryMs,
  suspectMs,
} from "../domain/limits.ts";
import { closeCodes, type WorkerHello } from "../protocol/worker-messages.ts";
import type { WorkerSocket } from "./broker.ts";
import type { Assignment, Seat } from "./roster.ts";
import { createGreeting, type GreetingDeps } from "./worker-greeting.ts";
import type { CancelWhy, Hand, Holder } from "./worker-hands.ts";
import { hearFrame, hearMessage } from "./worker-hearing.ts";
import { createHoldings, type HoldingsDeps } from "./worker-holdings.ts";
import { takeNews, type NewsDeps } from "./worker-news.ts";
import { isOutcome, takeOutcome, type Outcome } from "./worker-reports.ts";
import { createWorkerSeat } from "./worker-seat.ts";
import type { Connection, Self, StepSelf } from "./worker-self.ts";
import {
  freshWorkerSession,
  mayBeGiven,
  stepWorkerSession,
  type WorkerEffect,
  type WorkerWord,
} from "./worker-session.ts";
import { toJobMessage, toVitals } from "./worker-words.ts";

export type ConnectionDeps = HoldingsDeps &
  NewsDeps &
  GreetingDeps & {
    readonly isTrusted: (worker: WorkerRef) => boolean;
    /** A worker has room: the dispatcher may find something to do. */
    readonly onRoom: () => void;
    readonly onJoin: (seat: Seat) => void;
    readonly onLeave: (seat: Seat) => void;
    readonly onClosed: (connection: Connection) => void;
  };

/** Answers with what opens a connection: all of them share the rest. */
export function createConnections(deps: ConnectionDeps): (socket: WorkerSocket) => Connection {
  const { clock, roster } = deps;
  const holdings = createHoldings(deps);

  const step: StepSelf = (self, input) => {
    const { session, effects } = stepWorkerSession(self.session, input);
    self.session = session;
    for (const effect of effects) carryOut(self, effect);
  };
  const carryOut = (self: Self, effect: WorkerEffect): void => {
    switch (effect.do) {
      case "greet":
        return greeting.greet(self, effect.word);
      case "look":
        return greeting.look(self, effect.word);
      case "take":
        return take(self, effect.word);
      case "begin":
        return holdings.endUnnamed(self);
      case "offer":
        if (self.seat !== null) roster.offer(self.seat, effect.room);
        return effect.room > 0 ? deps.onRoom() : undefined;
      case "say":
        return self.socket.send(effect.header);
      case "close":
        return self.socket.close(effect.code, effect.reason);
      case "leave":
        return leave(self, effect.how);
      default:
        return unreachable(effect);
    }
  };

  const uncount = (self: Self, hand: Hand) => {
    if (!hand.isCounted) return;
    hand.isCounted = false;
    step(self, { kind: "over" });
  };
  const cancel = (self: Self, hand: Hand, why: CancelWhy) => {
    if (!hand.isNamed) return; // Its verdict will say so.
    self.socket.send({ op: "cancel", job: hand.job, attempt: hand.attempt, why });
    // Before it is ready it may pass over this, and would never say that it ended.
    if (self.session.phase !== "ready") uncount(self, hand);
  };
  const over = (self: Self, hand: Hand) => {
    if (!hand.isNamed) return;
    uncount(self, hand);
    holdings.remove(self, hand);
  };
  const sit = (self: Self, worker: WorkerRef, hello: WorkerHello, types: readonly string[]) => {
    const { socket, connectedAt, life } = self;
    const { connection, address } = socket;
    const about = { connection, address, connectedAt, worker, hello, types, life };
    const seat = createWorkerSeat({
      ...about,
      session: () => self.session,
      isTrusted: deps.isTrusted,
      vitals: () => (self.vitals === null ? null : toVitals(self.vitals)),
      give: (assignment) => give(self, assignment),
      kick: () => step(self, { kind: "kicked" }),
      tellDraining(isDraining) {
        const { phase } = self.session;
        if (phase !== "welcomed" && phase !== "ready") return;
        socket.send({ op: isDraining ? "drain" : "undrain" });
      },
    });
    self.seat = seat;
    roster.join(seat);
    deps.onJoin(seat);
  };
  const greeting = createGreeting({ ...deps, holdings, step, sit });

  const give = (self: Self, { job, payload, token }: Assignment): boolean => {
    if (!mayBeGiven(self.session)) return false;
    holdings.take(self, job);
    const how = { type: deps.typeOf(job.type), isFetched: payload === null };
    self.socket.send(toJobMessage(job, token, how), payload ?? undefined);
    step(self, { kind: "given" });
    return true;
  };
  const take = (self: Self, word: WorkerWord) => {
    const { said, body } = word;
    if (isOutcome(said)) return deps.carryOut(report(self, said, word));
    if (said.op === "beat") self.vitals = said.vitals ?? self.vitals;
    const hand = takeNews(deps, holdings, self, said, body);
    if (hand !== null) hand.isCounted = false; // The session knows.
  };
  const report = async (self: Self, said: Outcome, { body, id }: WorkerWord) => {
    const hand = holdings.find(self, said.job, said.attempt);
    if (hand !== null) {
      hand.isCounted = false; // The session knows.
      holdings.confirm(self, hand, "running");
    }
    noteReport(self, 1, body.length);
    // Its owner logs an error of it.
    if (hand !== null && hand.reviving !== null) await hand.reviving.catch(() => {});
    const answer = await takeOutcome(deps, said, body, hand);
    noteReport(self, -1, -body.length);
    const re = id === null ? {} : { re: id };
    if (answer.kind === "refused")
      return self.socket.send({ op: "refused", ...answer.flaw, ...re });
    if (hand !== null) holdings.remove(self, hand);
    const { job, attempt } = said;
    self.socket.send({ op: "receipt", job, attempt, verdict: answer.verdict, ...re });
  };

  const leave = (self: Self, how: "detached" | "left" | "lost") => {
    const { seat, life } = self;
    life.isConnected = false;
    ring(self);
    if (seat !== null) {
      roster.leave(seat);
      holdings.leave(self, how);
      deps.people.leave(self.connection, seat.worker.id);
      deps.onLeave(seat);
    }
    deps.onClosed(self.connection);
  };
  const hear = (self: Self, bytes: Uint8Array) => {
    self.life.heardMs = clock.monotonicMs();
    ring(self);
    const messages = hearFrame(bytes);
    if ("kind" in messages) return step(self, messages);
    const find = (job: string, attempt: number) => holdings.find(self, job, attempt);
    for (const message of messages) {
      if (self.session.phase === "closed") return;
      step(self, hearMessage(deps, message, find));
    }
  };
  const look = (self: Self) => {
    const { session, life } = self;
    const nowMs = clock.monotonicMs();
    if (self.isPaused) life.heardMs = nowMs; // It may speak: it is not listened to.
    if (session.phase === "fresh" && nowMs - self.openedMs > helloMsMax)
      step(self, { kind: "late" });
    else if (!session.isSilent && nowMs - life.heardMs > suspectMs) step(self, { kind: "silent" });
  };
  const isAlive = (self: Self) =>
    new Promise<boolean>((resolve) => {
      const before = self.onSign;
      const timer = clock.after(pongMsMax, () => resolve(false));
      self.onSign = () => {
        before?.();
        timer.cancel();
        resolve(self.life.isConnected);
      };
      self.socket.ping();
    });

  return (socket) => {
    const openedMs = clock.monotonicMs();
    const connection: Connection & Holder = {
      frame: (bytes) => hear(self, bytes),
      text: () => step(self, { kind: "malformed", why: "a text frame" }),
      signOfLife() {
        self.life.heardMs = clock.monotonicMs();
        ring(self);
        if (self.session.isSilent) step(self, { kind: "sign-of-life" });
      },
      behind: (isBehind) => step(self, { kind: isBehind ? "behind" : "caught-up" }),
      stopping() {
        const retryAfterMs = Math.round(restartRetryMs * (0.5 + deps.random.fraction()));
        step(self, { kind: "stopping", retryAfterMs });
      },
      closed() {
        if (self.life.isConnected) self.life.heardMs = clock.monotonicMs();
        step(self, { kind: "closed" });
      },
      look: () => look(self),
      isAlive: () => isAlive(self),
      replace: () => step(self, { kind: "replaced" }),
      drop() {
        step(self, { kind: "closed" });
        socket.close(closeCodes.replaced, "another process of this worker is there");
      },
      cancel: (hand, why) => cancel(self, hand, why),
      over: (hand) => over(self, hand),
    };
    const self: Self = {
      socket,
      connection,
      holder: connection,
      connectedAt: clock.now(),
      openedMs,
      life: { heardMs: openedMs, isConnected: true },
      session: freshWorkerSession,
      seat: null,
      hands: null,
      vitals: null,
      lists: null,
      reportCount: 0,
      reportBytes: 0,
      isPaused: false,
      onSign: null,
    };
    return connection;
  };
}

/** Whoever waits for a sign of life is told. */
function ring(self: Self): void {
  const call = self.onSign;
  self.onSign = null;
  call?.();
}

/** Above a bound nothing more is read, so that a worker that is quicker than the disk does not fill the memory. */
function noteReport(self: Self, count: 1 | -1, bytes: number): void {
  self.reportCount += count;
  self.reportBytes += bytes;
  const load = Math.max(
    self.reportCount / reportsUnderWayCountMax,
    self.reportBytes / reportsUnderWayBytesMax,
  );
  if (!self.isPaused && load >= 1) {
    self.isPaused = true;
    self.socket.pause();
  } else if (self.isPaused && load < 0.5) {
    self.isPaused = false;
    self.socket.resume();
  }
}
