// Random conversations of a v2 worker: whatever comes in whatever order, the machine stays whole, and no worker is
// ever given more than it asked for.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  freshWorkerSession,
  mayBeGiven,
  stepWorkerSession,
  type WorkerEffect,
  type WorkerInput,
  type WorkerSession,
} from "../../../src/broker/worker-session.ts";
import { claimsPerRoundMax } from "../../../src/domain/limits.ts";
import { workerInputs, workerPhases } from "../../support/worker-conversations.ts";

const common = ["given", "given", "given", "result-known", "beat", "ready"];
const names = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...common) },
  { weight: 4, arbitrary: fc.constantFrom("looked", "silent", "behind", "caught-up", "over") },
  { weight: 1, arbitrary: fc.constantFrom(...workerInputs.keys()) },
);
const inputs = fc.tuple(names, fc.integer({ min: 0, max: 6 }));
// Most conversations begin as they should.
const beginnings = fc.oneof(
  { weight: 6, arbitrary: fc.constant(["hello", "welcomed", "ready"]) },
  { weight: 2, arbitrary: fc.constant(["hello", "holding", "welcomed", "ready", "looked"]) },
  { weight: 1, arbitrary: fc.constantFrom([], ["beat"], ["hello"], ["hello", "denied"]) },
);

test("stepWorkerSession() never exceeds the window, and is silent after its close", () => {
  const seenPhases = new Set<string>();
  const seenEffects = new Set<string>();
  const lives = fc.tuple(beginnings, fc.array(inputs, { maxLength: 60, size: "max" }));
  fc.assert(
    fc.property(lives, ([beginning, rest]) => {
      let session: WorkerSession = freshWorkerSession;
      let leaveCount = 0;
      let beginCount = 0;
      let room = 0;
      const named = beginning.map((name) => [name, 4] as const);
      for (const [name, size] of [...named, ...rest]) {
        const input = inputOf(name, size);
        if (!isPossible(session, input)) continue;
        const before = session;
        const { session: next, effects } = stepWorkerSession(session, input);
        if (before.phase === "closed") expect([next, effects]).toEqual([before, []]);
        session = next;
        seenPhases.add(session.phase);
        for (const effect of effects) {
          seenEffects.add(effect.do);
          if (effect.do === "offer") ({ room } = effect);
          if (effect.do === "begin") beginCount += 1;
          if (effect.do === "leave") leaveCount += 1;
        }
        // What the roster was told is what there is.
        if (session.phase !== "closed") expect(room).toBe(session.offered);
        expect(room).toBeLessThanOrEqual(claimsPerRoundMax);
        expect(room).toBeGreaterThanOrEqual(0);
        if (room > 0 && session.phase !== "closed") {
          expect(session.heldCount + room).toBeLessThanOrEqual(session.window);
          expect([session.phase, session.lookCount, session.isSilent]).toEqual(["ready", 0, false]);
        }
        if (input.kind === "given" && before.phase !== "closed") {
          expect(session.heldCount).toBeLessThanOrEqual(session.window);
        }
        expect(session.heldCount).toBeGreaterThanOrEqual(0);
        expectLast(effects);
      }
      expect(leaveCount).toBe(session.phase === "closed" ? 1 : 0);
      expect(beginCount).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2_000 },
  );
  expect([...seenPhases].sort()).toEqual([...workerPhases].sort());
  expect([...seenEffects].sort()).toEqual(
    ["begin", "close", "greet", "leave", "look", "offer", "say", "take"].sort(),
  );
});

/** Messages may come at any time; what the connection brings comes when it can. */
function isPossible(session: WorkerSession, input: WorkerInput): boolean {
  switch (input.kind) {
    case "message":
      return !input.isHeld || session.heldCount > 0;
    case "welcomed":
      return session.phase === "greeting" || session.phase === "closed";
    case "looked":
      return session.lookCount > (session.phase === "greeting" ? 1 : 0);
    case "given":
      return mayBeGiven(session);
    case "over":
      return session.heldCount > 0;
    default:
      return true;
  }
}

function inputOf(name: string, size: number): WorkerInput {
  const input = workerInputs.get(name);
  if (input === undefined) throw new Error(`"${name}" is no input.`);
  if (input.kind !== "message" || input.said.op !== "ready") return input;
  return { ...input, said: { op: "ready", window: size } };
}

/** After the worker left nothing more is done. */
function expectLast(effects: readonly WorkerEffect[]): void {
  const at = effects.findIndex((effect) => effect.do === "leave");
  if (at >= 0) expect(at).toBe(effects.length - 1);
}
