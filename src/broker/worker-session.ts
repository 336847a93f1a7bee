// The server's end of one v2 conversation as a pure machine: what came in, what is to be done. It keeps the order of
// the protocol and counts what the worker has in its hands, so that its window is never exceeded. Sockets, clocks
// and stores stand outside; which attempt a message is about is looked up there, and handed in.

import { assert, unreachable } from "../domain/assert.ts";
import { cutToBytes } from "../domain/cut-text.ts";
import { claimsPerRoundMax, closeReasonBytesMax } from "../domain/limits.ts";
import {
  closeCodes,
  type HeldAttempt,
  type ServerSays,
  type WorkerSays,
} from "../protocol/worker-messages.ts";

/** `greeting`: hello came, and it is looked up who that is and what it may keep. */
export type WorkerPhase = "fresh" | "greeting" | "welcomed" | "ready" | "closed";

export type WorkerSession = {
  readonly phase: WorkerPhase;
  /** The most jobs that the worker holds. */
  readonly window: number;
  /** Jobs that it has been given, and that it has neither reported nor ended. */
  readonly heldCount: number;
  /** Lists of held attempts that have no verdicts yet. */
  readonly lookCount: number;
  /** What the worker still had is known as a whole; what it did not name it does not have. */
  readonly isListWhole: boolean;
  readonly isSilent: boolean;
  /** Much is on its way to it that it has not read. */
  readonly isBehind: boolean;
  /** It said bye. */
  readonly isLeaving: boolean;
  /** The room that was offered last. */
  readonly offered: number;
};

export type Flaw = { readonly code: string; readonly detail: string };

/** A word of the worker's, with what is known of its attempt. `id` is null when the message had none. */
export type WorkerWord = {
  readonly said: WorkerSays;
  readonly body: Uint8Array;
  /** What a hello or a holding names. */
  readonly held: readonly HeldAttempt[];
  readonly id: number | null;
  /** The attempt is among those that are counted. */
  readonly isHeld: boolean;
  /** Why it cannot be taken as it is. */
  readonly flaw: Flaw | null;
};

export type WorkerInput =
  | ({ readonly kind: "message" } & WorkerWord)
  | { readonly kind: "unknown-op"; readonly op: string; readonly id: number | null }
  | { readonly kind: "malformed"; readonly why: string }
  /** The hello is answered; so many of its attempts go on. */
  | { readonly kind: "welcomed"; readonly heldCount: number }
  | {
      readonly kind: "denied";
      readonly flaw: Flaw | null;
      readonly code: number;
      readonly reason: string;
    }
  /** The same for a further list. */
  | { readonly kind: "looked"; readonly heldCount: number }
  /** A job was sent. */
  | { readonly kind: "given" }
  /** An attempt that was counted is over, and the worker knows. */
  | { readonly kind: "over" }
  | { readonly kind: "sign-of-life" | "silent" | "behind" | "caught-up" }
  /** No hello came in time. */
  | { readonly kind: "late" }
  | { readonly kind: "replaced" | "kicked" }
  | { readonly kind: "stopping"; readonly retryAfterMs: number }
  | { readonly kind: "closed" };

export type WorkerEffect =
  | { readonly do: "greet" | "look" | "take"; readonly word: WorkerWord }
  /** From here on the worker has what it named, and nothing else. */
  | { readonly do: "begin" }
  | { readonly do: "offer"; readonly room: number }
  | { readonly do: "say"; readonly header: ServerSays }
  | { readonly do: "close"; readonly code: number; readonly reason: string }
  /** The last effect of all. `detached`: it may come back with what it holds, whether that was confirmed or not. */
  | { readonly do: "leave"; readonly how: "detached" | "left" | "lost" };

export type WorkerStep = {
  readonly session: WorkerSession;
  readonly effects: readonly WorkerEffect[];
};

export const freshWorkerSession: WorkerSession = {
  phase: "fresh",
  window: 0,
  heldCount: 0,
  lookCount: 0,
  isListWhole: false,
  isSilent: false,
  isBehind: false,
  isLeaving: false,
  offered: 0,
};

/** True while a job that was claimed for the worker may be sent to it. */
export function mayBeGiven({ phase, isLeaving, heldCount, window }: WorkerSession): boolean {
  return phase === "ready" && !isLeaving && heldCount < window;
}

export function stepWorkerSession(session: WorkerSession, input: WorkerInput): WorkerStep {
  if (session.phase === "closed") return { session, effects: [] };
  return offered(step(session, input));
}

/** Tells the room when it changed. */
function offered({ session, effects }: WorkerStep): WorkerStep {
  const room = roomOf(session);
  if (room === session.offered) return { session, effects };
  return {
    session: { ...session, offered: room },
    effects: session.phase === "closed" ? effects : [...effects, { do: "offer", room }],
  };
}

function roomOf(session: WorkerSession): number {
  const { isListWhole, isSilent, isBehind, window, heldCount } = session;
  if (!mayBeGiven(session) || !isListWhole || isSilent || isBehind) return 0;
  return Math.min(window - heldCount, claimsPerRoundMax);
}

function step(session: WorkerSession, input: WorkerInput): WorkerStep {
  switch (input.kind) {
    case "message":
      return message({ ...session, isSilent: false }, input);
    case "unknown-op":
      return unknownOp({ ...session, isSilent: false }, input);
    case "malformed":
      return close(session, closeCodes.malformed, input.why);
    case "welcomed":
      assert(session.phase === "greeting", "a hello is answered once");
      return looked({ ...session, phase: "welcomed" }, input.heldCount);
    case "denied":
      return deny(session, input);
    case "looked":
      return looked(session, input.heldCount);
    case "given":
      assert(mayBeGiven(session), "a job is sent where there is room");
      return plain({ ...session, heldCount: session.heldCount + 1 });
    case "over":
      return plain(less(session, true));
    case "sign-of-life":
      return plain({ ...session, isSilent: false });
    case "silent":
      return plain({ ...session, isSilent: true });
    case "behind":
      return plain({ ...session, isBehind: true });
    case "caught-up":
      return plain({ ...session, isBehind: false });
    case "late":
      if (session.phase !== "fresh") return plain(session);
      return close(session, closeCodes.tooSlow, "no hello in time");
    case "replaced":
      return part(session, { op: "bye", why: "replaced", retry_after_ms: 0 }, "detached");
    case "kicked":
      return part(session, { op: "bye", why: "kicked", retry_after_ms: 0 }, "lost");
    case "stopping":
      // The socket itself is closed by whoever stops all of them.
      return plain(session, [bye("restart", input.retryAfterMs)]);
    case "closed":
      return leave(session, session.isLeaving ? "left" : "detached", []);
    default:
      return unreachable(input);
  }
}

function message(session: WorkerSession, word: WorkerWord): WorkerStep {
  const { said, id, flaw } = word;
  const wrong = orderProblem(session, said.op);
  if (wrong !== null) return close(session, closeCodes.malformed, wrong);
  if (flaw !== null) return plain(session, [refusal(flaw, id)]);
  switch (said.op) {
    case "hello":
      return plain({ ...session, phase: "greeting", lookCount: 1 }, [{ do: "greet", word }]);
    case "holding":
      return plain({ ...session, lookCount: session.lookCount + 1 }, [{ do: "look", word }]);
    case "ready":
      return begin({ ...session, phase: "ready", window: said.window });
    case "bye":
      return plain({ ...session, isLeaving: true });
    case "result":
    case "fail":
    case "release":
    case "ended":
      return plain(less(session, word.isHeld), [{ do: "take", word }]);
    case "beat":
    case "started":
    case "progress":
    case "log":
      return plain(session, [{ do: "take", word }]);
    default:
      return unreachable(said);
  }
}

/** Why this may not be said now, or null. */
function orderProblem({ phase }: WorkerSession, op: WorkerSays["op"]): string | null {
  if (phase === "fresh") return op === "hello" ? null : `${op} before hello`;
  if (op === "hello") return "a second hello";
  if (phase === "greeting") return op === "holding" ? null : `${op} before welcome`;
  if (op === "holding" && phase === "ready") return "holding after ready";
  return null;
}

function unknownOp(
  session: WorkerSession,
  { op, id }: Extract<WorkerInput, { kind: "unknown-op" }>,
): WorkerStep {
  const name = JSON.stringify(op.slice(0, 64));
  if (session.phase === "fresh") {
    return close(session, closeCodes.malformed, `${name} before hello`);
  }
  const detail = `This server does not know the message ${name}. Go on without it.`;
  return plain(session, [refusal({ code: "unknown-op", detail }, id)]);
}

function looked(session: WorkerSession, heldCount: number): WorkerStep {
  assert(session.lookCount > 0, "verdicts answer a list");
  return begin({
    ...session,
    heldCount: session.heldCount + heldCount,
    lookCount: session.lookCount - 1,
  });
}

/** A worker that is ready may still wait for verdicts: it gets nothing before they are told. */
function begin(session: WorkerSession): WorkerStep {
  const isWhole = session.phase === "ready" && session.lookCount === 0;
  if (!isWhole || session.isListWhole) return plain(session);
  return plain({ ...session, isListWhole: true }, [{ do: "begin" }]);
}

function deny(
  session: WorkerSession,
  { flaw, code, reason }: Extract<WorkerInput, { kind: "denied" }>,
): WorkerStep {
  return close(session, code, reason, flaw === null ? [] : [refusal(flaw, null)]);
}

function part(
  session: WorkerSession,
  { why, retry_after_ms }: Extract<ServerSays, { op: "bye" }>,
  how: "detached" | "lost",
): WorkerStep {
  const [code, reason] =
    why === "kicked"
      ? [closeCodes.forbidden, "kicked by an operator"]
      : [closeCodes.replaced, "a newer connection of this worker is there"];
  const closing = { do: "close", code, reason } as const;
  return leave(session, how, [bye(why, retry_after_ms), closing]);
}

function close(
  session: WorkerSession,
  code: number,
  reason: string,
  before: readonly WorkerEffect[] = [],
): WorkerStep {
  const text = cutToBytes(reason, closeReasonBytesMax);
  return leave(session, "detached", [...before, { do: "close", code, reason: text }]);
}

function leave(
  session: WorkerSession,
  how: Extract<WorkerEffect, { do: "leave" }>["how"],
  effects: readonly WorkerEffect[],
): WorkerStep {
  return {
    session: { ...session, phase: "closed", heldCount: 0 },
    effects: [...effects, { do: "leave", how }],
  };
}

function less(session: WorkerSession, isHeld: boolean): WorkerSession {
  if (!isHeld) return session;
  assert(session.heldCount > 0, "what is reported was counted");
  return { ...session, heldCount: session.heldCount - 1 };
}

function bye(why: "restart" | "replaced" | "kicked", retry_after_ms: number): WorkerEffect {
  return { do: "say", header: { op: "bye", why, retry_after_ms } };
}

function refusal({ code, detail }: Flaw, id: number | null): WorkerEffect {
  const re = id === null ? {} : { re: id };
  return { do: "say", header: { op: "refused", code, detail, ...re } };
}

function plain(session: WorkerSession, effects: readonly WorkerEffect[] = []): WorkerStep {
  return { session, effects };
}
