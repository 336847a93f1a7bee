// Random lives of one job, held to the invariants that a single job can show.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isSettled, type Job } from "../../../src/domain/job.ts";
import { avoidedWorkerCountMax } from "../../../src/domain/limits.ts";
import type { Step } from "../../../src/domain/step.ts";
import { transition, type Move } from "../../../src/domain/transition.ts";
import { aContent, aJob, aType, aWorker, noOptions, now } from "../../support/a-job.ts";
import { expectSound, stepNames } from "../../support/moves.ts";

const type = aType({ maxAttempts: 3, maxCrashes: 3, timeoutMs: 60_000 });

/** A step without its instant and attempt, which depend on the life it is put into. */
const intents = fc.record({
  // Claims and ends of attempts are common, so that lives become long.
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constant("claim" as const) },
    { weight: 4, arbitrary: fc.constantFrom("complete", "lose", "return", "retry", "unhold") },
    { weight: 4, arbitrary: fc.constantFrom(...stepNames) },
  ),
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000_000 })),
  /** How many attempts before the newest the news is about; -1 is one never given out. */
  attemptsBack: fc.oneof(
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) },
  ),
  worker: fc.constantFrom("a", "b", "c"),
  result: fc.constantFrom("r", "s"),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  waived: fc.boolean(),
  retryable: fc.boolean(),
  charged: fc.boolean(),
  elsewhere: fc.boolean(),
});
type Intent = typeof intents extends fc.Arbitrary<infer T> ? T : never;

const options = fc.record({
  maxAttempts: fc.constantFrom(null, 1, 5),
  deadline: fc.constantFrom(null, now + 2_000_000),
});

/** What is remembered of a life beside the job itself. */
type Life = { open: number | null; completedCount: number; tokens: Set<string> };

test("transition() keeps the invariants of one job through random lives", () => {
  const takenSteps = new Set<string>();
  const refusals = new Set<string>();
  fc.assert(
    fc.property(options, fc.array(intents, { maxLength: 60, size: "max" }), (given, life) => {
      let job: Job = aJob("pending", { revision: 0, options: { ...noOptions, ...given } });
      let at = now;
      const memory: Life = { open: null, completedCount: 0, tokens: new Set() };
      for (const [index, intent] of life.entries()) {
        at += intent.waitMs;
        const step = toStep(intent, job, at, index);
        const before = structuredClone(job);
        const move = transition(job, step, type);
        if (!Bun.deepEquals(job, before, true)) throw new Error("The job given was changed.");
        if (move.kind === "refused") {
          refusals.add(move.why);
          continue;
        }
        takenSteps.add(step.do);
        expectSound(before, step, move);
        expectKept(before, step, move.job);
        follow(memory, step, move);
        job = move.job;
      }
    }),
    { numRuns: 1_000 },
  );
  expect([...takenSteps].sort()).toEqual([...stepNames].sort());
  expect([...refusals].sort()).toEqual(
    [
      "abandon",
      "already-cancelled",
      "already-done",
      "already-settled",
      "avoided",
      "committed",
      "conflict",
      "not-due",
      "not-open",
      "not-pending",
      "not-ready",
      "still-active",
      "superseded",
    ].sort(),
  );
});

/** One step, whose token is as unique as the place it has in the life. */
function toStep(intent: Intent, job: Job, at: number, index: number): Step {
  const { name, attemptsBack, worker, result, waitMs: _, ...rest } = intent;
  const step: Record<string, unknown> = {
    ...rest,
    do: name,
    at,
    attempt: (job.attempt?.n ?? 0) - attemptsBack,
    worker: aWorker(worker),
    result: aContent(result),
    tokenHash: new Uint8Array(32).fill(index),
    leaseMs: null,
    info: "said",
  };
  return step as Step; // It has the fields of every step; each rule reads its own.
}

function expectKept(before: Job, step: Step, after: Job): void {
  const n = after.attempt?.n ?? 0;
  const nBefore = before.attempt?.n ?? 0;
  // I4: settled never changes but by retry.
  if (isSettled(before)) expect(step.do).toBe("retry");
  // I5: numbers of attempts only grow, by one, and only by a claim.
  expect(n).toBe(step.do === "claim" ? nBefore + 1 : nBefore);
  expect(after.retriedAfter).toBe(step.do === "retry" ? nBefore : before.retriedAfter);
  // I8: counters within limits.
  const allowed = after.options.maxAttempts ?? type.maxAttempts;
  expect(after.failures).toBeLessThanOrEqual(allowed);
  expect(after.penalty).toBe(after.failures);
  expect(after.avoid.length).toBeLessThanOrEqual(avoidedWorkerCountMax);
  expect(new Set(after.avoid).size).toBe(after.avoid.length);
  if (after.status === "pending" || after.status === "running") {
    expect(after.failures).toBeLessThan(allowed);
    // One crash more than allowed is forgiven only while they may all be one worker's doing.
    const isOver = after.crashes > before.crashes && after.crashes >= type.maxCrashes;
    if (isOver) expect(after.avoid.length).toBeLessThan(2);
  }
  if (step.do === "retry") {
    expect([after.failures, after.crashes, after.avoid.length]).toEqual([0, 0, 0]);
  } else {
    expect(after.failures).toBeGreaterThanOrEqual(before.failures);
    // A loss that was none is taken back.
    const takenBack = step.do === "reopen" ? 1 : 0;
    expect(after.crashes).toBeGreaterThanOrEqual(before.crashes - takenBack);
  }
  // I3: what is done was done by an attempt of this life.
  if (after.status === "done") {
    expect(after.by).toBeGreaterThan(after.retriedAfter);
    expect(after.by).toBeLessThanOrEqual(n);
  }
}

/** Follows which attempt is open by the events alone, as whoever reads the history would. */
function follow(memory: Life, step: Step, { job, event }: Extract<Move, { kind: "moved" }>): void {
  if (event.change === "claimed") {
    // I6 and I7: no attempt was open before, and its token is new.
    expect(memory.open).toBeNull();
    memory.open = event.attempt;
    const token = job.attempt?.tokenHash.toHex() ?? "";
    expect(memory.tokens.has(token)).toBe(false);
    memory.tokens.add(token);
  } else if (event.change === "reopened") {
    expect(memory.open).toBeNull();
    expect(event.attempt).toBe(job.attempt?.n ?? 0);
    memory.open = event.attempt;
  } else if (job.status !== "running") {
    memory.open = null;
  }
  expect(memory.open).toBe(job.status === "running" ? job.attempt.n : null);
  if (step.do === "complete") memory.completedCount += 1;
  expect(memory.completedCount).toBe(job.status === "done" ? 1 : 0);
}
