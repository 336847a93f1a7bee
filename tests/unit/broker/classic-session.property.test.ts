// Random conversations: whatever a worker says in whatever order, the machine stays whole.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  freshClassicSession,
  stepClassicSession,
  type ClassicEffect,
  type ClassicInput,
  type ClassicSession,
} from "../../../src/broker/classic-session.ts";
import { inputsByName, phases } from "../../support/conversations.ts";

const common = ["ready", "assigned", "bytes", "failed", "busy"];
const names = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...common) },
  { weight: 2, arbitrary: fc.constantFrom("recheck", "progress", "grace-over") },
  { weight: 1, arbitrary: fc.constantFrom(...inputsByName.keys()) },
);
// Most conversations begin as they should.
const beginnings = fc.oneof(
  { weight: 4, arbitrary: fc.constant(["register"]) },
  { weight: 1, arbitrary: fc.constantFrom([], ["recheck"], ["register wrong"]) },
);

test("stepClassicSession() reports the end of each job at most once, and nothing after the close", () => {
  const seenPhases = new Set<string>();
  const seenEffects = new Set<string>();
  const lives = fc.tuple(beginnings, fc.array(names, { maxLength: 50, size: "max" }));
  fc.assert(
    fc.property(lives, ([beginning, rest]) => {
      let session: ClassicSession = freshClassicSession;
      let joinCount = 0;
      let askCount = 0;
      let nextSeq = 1;
      const endsBySeq = new Map<number, number>();
      for (const name of [...beginning, ...rest]) {
        // The dispatcher gives jobs to ready workers only.
        if (name === "assigned" && session.phase !== "ready") continue;
        const input = name === "assigned" ? assigned(nextSeq) : inputsByName.get(name)!;
        const { session: next, effects } = stepClassicSession(session, input);
        if (session.phase === "closed") expect([next, effects]).toEqual([session, []]);
        if (name === "assigned") {
          endsBySeq.set(nextSeq, 0);
          nextSeq += 1;
        }
        for (const effect of effects) {
          seenEffects.add(effect.do);
          if (effect.do === "join") joinCount += 1;
          if (effect.do === "ask") askCount += 1;
          // Only work that is held is spoken of.
          if ("work" in effect) expect(effect.work).toEqual(session.work!);
          if (isEnd(effect)) {
            endsBySeq.set(effect.work.seq, (endsBySeq.get(effect.work.seq) ?? 0) + 1);
            expect(next.work).toBeNull();
          }
        }
        expect(next.work !== null).toBe(next.phase === "working");
        expect(next.askedCount).toBeGreaterThanOrEqual(0);
        expect(next.askedCount).toBeLessThanOrEqual(askCount);
        expect(next.staleCount).toBeGreaterThanOrEqual(0);
        session = next;
        seenPhases.add(session.phase);
      }
      expect(joinCount).toBeLessThanOrEqual(1);
      // Each job given has exactly one end, but for the one that is still held.
      for (const [seq, count] of endsBySeq) expect(count).toBe(session.work?.seq === seq ? 0 : 1);
    }),
    { numRuns: 500 },
  );
  expect([...seenPhases].sort()).toEqual([...phases].sort());
  expect([...seenEffects].sort()).toEqual(
    ["ask", "close", "complete", "fail", "join", "lose", "note", "progress"].sort(),
  );
});

function assigned(seq: number): ClassicInput {
  return { kind: "assigned", work: { seq, attempt: 1 } };
}

function isEnd(
  effect: ClassicEffect,
): effect is Extract<ClassicEffect, { do: "complete" | "fail" | "lose" }> {
  return effect.do === "complete" || effect.do === "fail" || effect.do === "lose";
}

// A worker that answers each status request truthfully, one message at a time, over a slow line in order.
test("stepClassicSession() never takes a job from a worker that answers truthfully [GL-32]", () => {
  let doneCount = 0;
  const turns = fc.constantFrom(
    "server reads",
    "worker reads",
    "worker finishes",
    "recheck",
    "give",
  );
  fc.assert(
    fc.property(fc.array(turns, { maxLength: 120, size: "max" }), (order) => {
      let session: ClassicSession = freshClassicSession;
      const toWorker: string[] = [];
      const toServer: string[] = ["register"];
      let isWorking = false;
      let seq = 0;
      const put = (input: ClassicInput) => {
        const step = stepClassicSession(session, input);
        session = step.session;
        for (const effect of step.effects) {
          expect(effect.do).not.toBe("lose");
          expect(effect.do).not.toBe("note");
          if (effect.do === "ask") toWorker.push("ask");
          if (effect.do === "complete") doneCount += 1;
        }
      };
      for (const turn of order) {
        if (turn === "server reads") {
          const said = toServer.shift();
          if (said !== undefined) put(inputsByName.get(said)!);
        } else if (turn === "worker reads") {
          const heard = toWorker.shift();
          if (heard === "ask") toServer.push(isWorking ? "busy" : "ready");
          if (heard === "job") isWorking = true;
        } else if (turn === "worker finishes" && isWorking) {
          isWorking = false;
          toServer.push("bytes");
        } else if (turn === "recheck") {
          put({ kind: "recheck" });
        } else if (turn === "give" && session.phase === "ready") {
          seq += 1;
          put(assigned(seq));
          toWorker.push("job");
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(doneCount).toBeGreaterThan(100);
});
