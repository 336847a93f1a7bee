import { expect, test } from "bun:test";
import { createGroupPace } from "../../../src/broker/group-pace.ts";
import { groupPaceCountMax } from "../../../src/domain/limits.ts";
import { aJob } from "../../support/a-job.ts";
import { anEvent } from "../../support/builders.ts";

const start = 1_800_000_000_000;

function createPace() {
  const pace = createGroupPace();
  const done = (group: string | null, at: number, change: "completed" | "failed" = "completed") =>
    pace.note({ job: aJob("pending", { group }), event: anEvent({ at, change }), successor: null });
  return { ...pace, done };
}

test("doneRate() counts what was done over the last minute alone", () => {
  const pace = createPace();
  for (let second = 0; second < 120; second += 1) pace.done("g", start + second * 1000);
  expect(pace.doneRate("g", start + 119_500)).toBe(1);
  expect(pace.doneRate("g", start + 149_500)).toBe(0.5);
  expect(pace.doneRate("g", start + 200_000)).toBe(0);
});

test("doneRate() of a group that has just begun is taken over the time since then", () => {
  const pace = createPace();
  for (let count = 0; count < 50; count += 1) pace.done("g", start + count * 100);
  expect(pace.doneRate("g", start + 4_999)).toBe(10);
});

test("doneRate() begins anew after a minute of nothing", () => {
  const pace = createPace();
  pace.done("g", start);
  pace.done("g", start + 3_600_000);
  expect(pace.doneRate("g", start + 3_600_500)).toBe(1);
});

test("note() counts no other change, no other group and no job without one", () => {
  const pace = createPace();
  pace.done("g", start, "failed");
  pace.done("other", start);
  pace.done(null, start);
  expect(pace.doneRate("g", start)).toBe(0);
});

test("note() forgets the group that was idle for longest when there are too many", () => {
  const pace = createPace();
  pace.done("first", start);
  pace.done("second", start);
  pace.done("first", start);
  for (let count = 0; count < groupPaceCountMax - 1; count += 1) pace.done(`g${count}`, start);
  expect(pace.doneRate("first", start)).toBe(2);
  expect(pace.doneRate("second", start)).toBe(0);
});
