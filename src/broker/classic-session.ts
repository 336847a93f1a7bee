// The server's end of one classic conversation as a pure machine: what came in, what is to be done.
// Sockets, clocks and stores stand outside, so that every order of events can be tried.

import { assert, unreachable } from "../domain/assert.ts";
import { cutToBytes } from "../domain/cut-text.ts";
import type { JobSeq, WorkerRef } from "../domain/job.ts";
import { closeReasonBytesMax } from "../domain/limits.ts";
import type { ClassicMessage } from "../protocol/classic.ts";

export type ClassicWork = { readonly seq: JobSeq; readonly attempt: number };

export type ClassicSession = {
  /** `refused`: a wrong token came; nothing is said until the grace time is over. */
  readonly phase: "unregistered" | "refused" | "unsure" | "ready" | "working" | "closed";
  /** The job whose bytes were sent last and whose end has not been reported. */
  readonly work: ClassicWork | null;
  /** Status requests not answered yet. */
  readonly askedCount: number;
  /** Answers on their way that were written before the last job could be read. */
  readonly staleCount: number;
  /** It said ready while it has a job, and was asked again: a volunteered word and an answer may cross. */
  readonly isDoubted: boolean;
};

export type ClassicInput =
  | { readonly kind: "message"; readonly message: ClassicMessage; readonly isTokenRight: boolean }
  | { readonly kind: "malformed"; readonly why: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "assigned"; readonly work: ClassicWork }
  /** The grace time for registration is over. */
  | { readonly kind: "grace-over" }
  /** A while has passed in which the state was unsure. */
  | { readonly kind: "recheck" }
  | { readonly kind: "closed" };

export type ClassicEffect =
  | { readonly do: "ask" }
  | { readonly do: "join"; readonly worker: WorkerRef }
  | {
      readonly do: "progress";
      readonly work: ClassicWork;
      readonly percent: number | null;
      readonly info: string | null;
    }
  | { readonly do: "complete"; readonly work: ClassicWork; readonly bytes: Uint8Array }
  | {
      readonly do: "fail";
      readonly work: ClassicWork;
      readonly info: string | null;
      readonly logs: string | null;
    }
  | { readonly do: "lose"; readonly work: ClassicWork; readonly info: string }
  | { readonly do: "note"; readonly event: "unexpected-result" | "unexpected-failure" }
  | { readonly do: "close"; readonly code: number; readonly reason: string };

export type ClassicStep = {
  readonly session: ClassicSession;
  readonly effects: readonly ClassicEffect[];
};

export const freshClassicSession: ClassicSession = {
  phase: "unregistered",
  work: null,
  askedCount: 0,
  staleCount: 0,
  isDoubted: false,
};

/** What `input` makes of the conversation, and what is to be done about it. */
export function stepClassicSession(session: ClassicSession, input: ClassicInput): ClassicStep {
  if (session.phase === "closed") return { session, effects: [] };
  switch (input.kind) {
    case "closed":
      return leave(session, "The worker's connection was lost.", []);
    case "malformed":
      return close(session, 4400, `malformed: ${input.why}`);
    case "grace-over":
      if (session.phase === "unregistered") return close(session, 4401, "no registration in time");
      if (session.phase === "refused") return close(session, 4401, "wrong token");
      return { session, effects: [] };
    case "recheck":
      return session.phase === "unsure" ? ask(session, []) : { session, effects: [] };
    case "assigned":
      return assign(session, input.work);
    case "bytes":
      return result(session, input.bytes);
    case "message":
      return message(session, input.message, input.isTokenRight);
    default:
      return unreachable(input);
  }
}

function close(session: ClassicSession, code: number, reason: string): ClassicStep {
  const text = cutToBytes(reason, closeReasonBytesMax);
  return leave(session, `The connection was closed: ${text}.`, [
    { do: "close", code, reason: text },
  ]);
}

function leave(
  session: ClassicSession,
  info: string,
  effects: readonly ClassicEffect[],
): ClassicStep {
  const lost: readonly ClassicEffect[] =
    session.work === null ? [] : [{ do: "lose", work: session.work, info }];
  return { session: { ...session, phase: "closed", work: null }, effects: [...lost, ...effects] };
}

function ask(session: ClassicSession, before: readonly ClassicEffect[]): ClassicStep {
  const asked = { ...session, phase: "unsure", askedCount: session.askedCount + 1 } as const;
  return { session: asked, effects: [...before, { do: "ask" }] };
}

function assign(session: ClassicSession, work: ClassicWork): ClassicStep {
  assert(session.phase === "ready", "only a ready worker is given a job");
  return {
    session: {
      ...session,
      phase: "working",
      work,
      staleCount: session.askedCount,
      isDoubted: false,
    },
    effects: [],
  };
}

function result(session: ClassicSession, bytes: Uint8Array): ClassicStep {
  if (isStranger(session)) return close(session, 4400, "bytes before registration");
  if (session.work === null) return ask(session, [{ do: "note", event: "unexpected-result" }]);
  return ask({ ...session, work: null }, [{ do: "complete", work: session.work, bytes }]);
}

function message(
  session: ClassicSession,
  said: ClassicMessage,
  isTokenRight: boolean,
): ClassicStep {
  if (said.code === 0) return register(session, said, isTokenRight);
  if (isStranger(session)) return close(session, 4400, `code ${said.code} before registration`);
  switch (said.code) {
    case 1:
      return said.status === 1 ? ready(session) : busy(session);
    case 3: {
      if (session.work === null) return { session, effects: [] };
      const { percent, info } = said;
      if (percent === null && info === null) return { session, effects: [] };
      return { session, effects: [{ do: "progress", work: session.work, percent, info }] };
    }
    case 4: {
      if (session.work === null) return ask(session, [{ do: "note", event: "unexpected-failure" }]);
      const { info, logs } = said;
      return ask({ ...session, work: null }, [{ do: "fail", work: session.work, info, logs }]);
    }
    default:
      return unreachable(said);
  }
}

function isStranger(session: ClassicSession): boolean {
  return session.phase === "unregistered" || session.phase === "refused";
}

function register(
  session: ClassicSession,
  said: Extract<ClassicMessage, { code: 0 }>,
  isTokenRight: boolean,
): ClassicStep {
  if (session.phase === "refused") return { session, effects: [] };
  if (session.phase !== "unregistered") return close(session, 4400, "registered twice");
  if (!isTokenRight) return { session: { ...session, phase: "refused" }, effects: [] };
  const name = said.name === "" ? "unnamed" : said.name;
  const worker = { id: said.id === "" ? name : said.id, name };
  return ask(session, [{ do: "join", worker }]);
}

function ready(session: ClassicSession): ClassicStep {
  const askedCount = Math.max(session.askedCount - 1, 0);
  if (session.phase === "working" && session.staleCount > 0) {
    // Written before the worker could read the job: it says nothing about it.
    return { session: { ...session, askedCount, staleCount: session.staleCount - 1 }, effects: [] };
  }
  if (session.work !== null && !session.isDoubted) {
    // A worker that volunteers its status may have said so of the time before: only the next answer counts.
    const doubted = { ...session, askedCount: askedCount + 1, isDoubted: true };
    return { session: doubted, effects: [{ do: "ask" }] };
  }
  const info = "The worker said it was ready while it had the job.";
  const lost: readonly ClassicEffect[] =
    session.work === null ? [] : [{ do: "lose", work: session.work, info }];
  return {
    session: { phase: "ready", work: null, askedCount, staleCount: 0, isDoubted: false },
    effects: lost,
  };
}

function busy(session: ClassicSession): ClassicStep {
  const askedCount = Math.max(session.askedCount - 1, 0);
  const staleCount = Math.max(session.staleCount - 1, 0);
  // Busy without a job of ours: it must be asked again before it can be given one.
  const phase = session.phase === "working" ? "working" : "unsure";
  return { session: { ...session, phase, askedCount, staleCount, isDoubted: false }, effects: [] };
}
