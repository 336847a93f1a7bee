import { expect, test } from "bun:test";
import { createRoster } from "../../../src/broker/roster.ts";
import { aJob, anAttempt } from "../../support/a-job.ts";

const since = { ms: 0, leaseMs: null };
const running = (seq: number, group: string | null, n = 1) =>
  aJob("running", { seq, group, n, attempt: anAttempt(n) });

test("runningCount() counts the leases of a group, and of no other", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g"), since);
  roster.hold(null, running(2, "g"), since);
  roster.hold(null, running(3, "h"), since);
  roster.hold(null, running(4, null), since);
  expect([roster.runningCount("g"), roster.runningCount("h")]).toEqual([2, 1]);
  expect(roster.runningCount("nobody's")).toBe(0);
});

test("runningCount() falls when a lease is dropped, once, and only by its own attempt", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g", 2), since);
  roster.hold(null, running(2, "g"), since);
  roster.drop(1, 1);
  expect(roster.runningCount("g")).toBe(2);
  roster.drop(1, 2);
  roster.drop(1, 2);
  expect(roster.runningCount("g")).toBe(1);
  roster.drop(2, 1);
  expect(roster.runningCount("g")).toBe(0);
});

test("runningCount() counts a job once that is held anew", () => {
  const roster = createRoster();
  roster.hold(null, running(1, "g", 1), since);
  roster.hold(null, running(1, "g", 2), since);
  expect(roster.runningCount("g")).toBe(1);
  roster.drop(1, 2);
  expect(roster.runningCount("g")).toBe(0);
});
