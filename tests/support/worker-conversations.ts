// Reads the v2 conversation as tables: where it stands, what comes in, where it then stands, what is done.

import { expect } from "bun:test";
import {
  freshWorkerSession,
  stepWorkerSession,
  type WorkerEffect,
  type WorkerInput,
  type WorkerSession,
} from "../../src/broker/worker-session.ts";
import { unreachable } from "../../src/domain/assert.ts";
import type { WorkerSays } from "../../src/protocol/worker-messages.ts";
import { numberOf, parseTable, refuseUnknown, type Cell } from "./table.ts";

export const workerPhases = ["fresh", "greeting", "welcomed", "ready", "closed"] as const;

const about = { job: "j", attempt: 1 };
const proven = { ...about, token: "0".repeat(64) };
const hello: WorkerSays = {
  op: "hello",
  worker_id: "w",
  name: "closet",
  boot_id: "b".repeat(16),
  types: [],
  slots: 2,
  resources: {},
  features: [],
};

const words: readonly WorkerSays[] = [
  hello,
  { op: "holding" },
  { op: "ready", window: 4 },
  { op: "beat", holding: [] },
  { op: "started", ...about },
  { op: "progress", ...about, percent: 1, info: null },
  { op: "log", ...about, stream: "stdout", offset: 0 },
  { op: "result", ...proven, sha256: "0".repeat(64), size: 0, content_type: null },
  { op: "fail", ...proven, info: null, logs: null, exit_code: null, signal: null, retryable: true },
  { op: "release", ...proven, why: "drain" },
  { op: "ended", ...about },
  { op: "bye", why: "" },
];

/** Every input that a table may name, with a usual content. `flawed`: a message that cannot be taken as it is. */
export const workerInputs: ReadonlyMap<string, WorkerInput> = new Map<string, WorkerInput>([
  ...words.map((said) => [said.op, messageOf(said)] as const),
  ["ready-0", messageOf({ op: "ready", window: 0 })],
  ["result-known", { ...messageOf(words[7]!), isHeld: true }],
  [
    "flawed",
    { ...messageOf(words[7]!), isHeld: true, flaw: { code: "digest-mismatch", detail: "d" } },
  ],
  ["dance", { kind: "unknown-op", op: "dance", id: 7 }],
  ["malformed", { kind: "malformed", why: "a text frame" }],
  ["welcomed", { kind: "welcomed", heldCount: 1 }],
  ["denied", { kind: "denied", flaw: null, code: 4410, reason: "cloned" }],
  [
    "refused",
    { kind: "denied", flaw: { code: "no-such-type", detail: "d" }, code: 4403, reason: "r" },
  ],
  ["looked", { kind: "looked", heldCount: 1 }],
  ["given", { kind: "given" }],
  ["over", { kind: "over" }],
  ["sign-of-life", { kind: "sign-of-life" }],
  ["silent", { kind: "silent" }],
  ["behind", { kind: "behind" }],
  ["caught-up", { kind: "caught-up" }],
  ["late", { kind: "late" }],
  ["replaced", { kind: "replaced" }],
  ["kicked", { kind: "kicked" }],
  ["stopping", { kind: "stopping", retryAfterMs: 500 }],
  ["closed", { kind: "closed" }],
]);

function messageOf(said: WorkerSays): Extract<WorkerInput, { kind: "message" }> {
  const body = new Uint8Array();
  return { kind: "message", said, body, held: [], id: null, isHeld: false, flaw: null };
}

/** A session in this phase: a greeting one waits for one list, a ready one has a window of 4 and 1 job. */
export function aWorkerSession(
  phase: WorkerSession["phase"],
  given: Partial<WorkerSession> = {},
): WorkerSession {
  const ready = { window: 4, heldCount: 1, isListWhole: true, offered: 3 };
  return {
    ...freshWorkerSession,
    phase,
    ...(phase === "greeting" && { lookCount: 1 }),
    ...(phase === "ready" && ready),
    ...given,
  };
}

const settings = ["held", "window", "looks", "offered", "silent", "behind", "leaving", "whole"];

/**
 * Checks each row `phase  input  phase  effects`; what a session counts is compared where it is named, and yes or no
 * are 1 and 0. Answers with the pairs of phase and input it tried.
 */
export function expectWorkerConversation(table: string): readonly string[] {
  return parseTable(table, 4).map(({ line, cells }) => {
    const [given, input, wanted, effects] = cells as [Cell, Cell, Cell, Cell];
    refuseUnknown(given, settings);
    refuseUnknown(wanted, settings);
    const content = workerInputs.get(input.word);
    if (content === undefined) throw new Error(`"${input.word}" is no input.`);
    const before = aWorkerSession(given.word as WorkerSession["phase"], {
      ...counted(given, "heldCount", "held"),
      ...counted(given, "window", "window"),
      ...counted(given, "lookCount", "looks"),
      ...counted(given, "offered", "offered"),
      ...flagged(given, "isSilent", "silent"),
      ...flagged(given, "isBehind", "behind"),
      ...flagged(given, "isLeaving", "leaving"),
      ...flagged(given, "isListWhole", "whole"),
    });
    const { session, effects: done } = stepWorkerSession(before, content);
    expect(session.phase, line).toBe(wanted.word as WorkerSession["phase"]);
    expect(done.map(inWords).join(", ") || "nothing", line).toBe(effects.word);
    const seen: Record<string, unknown> = {
      held: session.heldCount,
      window: session.window,
      looks: session.lookCount,
      offered: session.offered,
      silent: Number(session.isSilent),
      behind: Number(session.isBehind),
      leaving: Number(session.isLeaving),
      whole: Number(session.isListWhole),
    };
    for (const [name, value] of wanted.settings) {
      expect(`${name}=${String(seen[name])}`, line).toBe(`${name}=${value}`);
    }
    return `${given.word} ${input.word}`;
  });
}

function counted(cell: Cell, field: keyof WorkerSession, name: string): Partial<WorkerSession> {
  const value = numberOf(cell, name);
  return value === undefined ? {} : { [field]: value };
}

function flagged(cell: Cell, field: keyof WorkerSession, name: string): Partial<WorkerSession> {
  const value = numberOf(cell, name);
  return value === undefined ? {} : { [field]: value === 1 };
}

function inWords(effect: WorkerEffect): string {
  switch (effect.do) {
    case "greet":
    case "look":
    case "take":
    case "begin":
      return effect.do;
    case "offer":
      return `offer ${effect.room}`;
    case "say":
      return effect.header.op === "refused"
        ? `refused ${effect.header.code}`
        : `say ${effect.header.op}`;
    case "close":
      return `close ${effect.code}`;
    case "leave":
      return effect.how;
    default:
      return unreachable(effect);
  }
}
