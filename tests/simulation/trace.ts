// What happened in a run: counted by kind, hashed as a whole so that two runs can be compared, and the last
// lines kept for whoever looks into a failure.

import type { Scheduler } from "./scheduler.ts";

/** A promise that did not hold: which one, and how it shows. */
export type Violation = { readonly promise: string; readonly detail: string };

export type Trace = {
  /** Something of this kind happened. */
  note(kind: string, detail?: string): void;
  /** A promise is broken; the first one ends the run. */
  violate(promise: string, detail: string): void;
  violation(): Violation | null;
  counts(): ReadonlyMap<string, number>;
  hash(): string;
  tail(): readonly string[];
};

export function createTrace(nowMs: Scheduler["nowMs"], lineCountMax: number): Trace {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  let hash = 0n;
  let violation: Violation | null = null;

  const note = (kind: string, detail = "") => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const line = `${nowMs()} ${kind} ${detail}`;
    hash = Bun.hash.xxHash64(line, hash);
    lines.push(line);
    if (lines.length >= lineCountMax * 2) lines.splice(0, lines.length - lineCountMax);
  };

  return {
    note,
    violate(promise, detail) {
      note(`violation.${promise}`, detail);
      violation ??= { promise, detail };
    },
    violation: () => violation,
    counts: () => counts,
    hash: () => hash.toString(16).padStart(16, "0"),
    tail: () => lines.slice(-lineCountMax),
  };
}
