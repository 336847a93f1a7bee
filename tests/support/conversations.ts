// Reads the classic conversation as tables: where it stands, what comes in, where it then stands, what is done.

import { expect } from "bun:test";
import {
  freshClassicSession,
  stepClassicSession,
  type ClassicEffect,
  type ClassicInput,
  type ClassicSession,
} from "../../src/broker/classic-session.ts";
import { unreachable } from "../../src/domain/assert.ts";
import { numberOf, parseTable, refuseUnknown, type Cell } from "./table.ts";

export const phases: readonly ClassicSession["phase"][] = [
  "unregistered",
  "refused",
  "unsure",
  "ready",
  "working",
  "closed",
];

/** Every input that a table may name, with a usual content. */
export const inputsByName: ReadonlyMap<string, ClassicInput> = new Map<string, ClassicInput>([
  ["register", registration("stable-id", true)],
  ["register wrong", registration("stable-id", false)],
  ["busy", { kind: "message", message: { code: 1, status: 0 }, isTokenRight: false }],
  ["ready", { kind: "message", message: { code: 1, status: 1 }, isTokenRight: false }],
  [
    "progress",
    { kind: "message", message: { code: 3, percent: 40, info: "half" }, isTokenRight: false },
  ],
  [
    "failed",
    { kind: "message", message: { code: 4, info: "oh", logs: "line" }, isTokenRight: false },
  ],
  ["malformed", { kind: "malformed", why: "the text is no JSON" }],
  ["bytes", { kind: "bytes", bytes: new Uint8Array([1, 2, 3]) }],
  ["assigned", { kind: "assigned", work: { seq: 8, attempt: 2 } }],
  ["grace-over", { kind: "grace-over" }],
  ["recheck", { kind: "recheck" }],
  ["closed", { kind: "closed" }],
]);

export function registration(id: string, isTokenRight: boolean): ClassicInput {
  return {
    kind: "message",
    message: { code: 0, name: "closet", id, token: "t" },
    isTokenRight,
  };
}

/** A session in this phase; a working one has job 7, attempt 1. */
export function aSession(
  phase: ClassicSession["phase"],
  given: Partial<ClassicSession> = {},
): ClassicSession {
  const work = phase === "working" ? { seq: 7, attempt: 1 } : null;
  return { ...freshClassicSession, phase, work, ...given };
}

/**
 * Checks each row `phase  input  phase  effects`; `asked`, `stale` and `work` (a job's number or none) are
 * compared where they are named; `doubted` is 0 or 1. Answers with the pairs of phase and input it tried.
 */
export function expectConversation(table: string): readonly string[] {
  return parseTable(table, 4).map(({ line, cells }) => {
    const [given, input, wanted, effects] = cells as [Cell, Cell, Cell, Cell];
    refuseUnknown(given, ["asked", "stale", "doubted"]);
    refuseUnknown(wanted, ["asked", "stale", "work", "doubted"]);
    const session = aSession(given.word as ClassicSession["phase"], {
      askedCount: numberOf(given, "asked") ?? 0,
      staleCount: numberOf(given, "stale") ?? 0,
      isDoubted: numberOf(given, "doubted") === 1,
    });
    const content = inputsByName.get(input.word);
    if (content === undefined) throw new Error(`"${input.word}" is no input.`);
    const step = stepClassicSession(session, content);
    expect(step.session.phase, line).toBe(wanted.word as ClassicSession["phase"]);
    expect(step.effects.map(inWords).join(", ") || "nothing", line).toBe(effects.word);
    const seen: Record<string, unknown> = {
      asked: step.session.askedCount,
      stale: step.session.staleCount,
      doubted: step.session.isDoubted ? 1 : 0,
      work: step.session.work?.seq ?? "none",
    };
    for (const [name, value] of wanted.settings) {
      expect(`${name}=${String(seen[name])}`, line).toBe(`${name}=${value}`);
    }
    return `${given.word} ${input.word}`;
  });
}

function inWords(effect: ClassicEffect): string {
  switch (effect.do) {
    case "ask":
      return "ask";
    case "join":
      return `join ${effect.worker.id}`;
    case "progress":
    case "complete":
    case "fail":
    case "lose":
      return `${effect.do} ${effect.work.seq}`;
    case "note":
      return effect.event;
    case "close":
      return `close ${effect.code}`;
    default:
      return unreachable(effect);
  }
}
