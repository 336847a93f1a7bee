// The short form of the simulation, and the proof that it can fail. Longer: campaign.ts.

import { expect, test } from "bun:test";
import { addCounts, missingKinds } from "./coverage.ts";
import { mutants } from "./mutants.ts";
import { countsText, failureText } from "./report.ts";
import { runSeed } from "./world.ts";

const seedCount = 80;

/** A planted bug that shows itself in none of so many seeds would show that nobody looks. */
const mutantSeedMax = 30;

const timeoutMs = 240_000;

test(
  `the broker keeps its promises over ${seedCount} seeds of crashes, cuts, full disks and rude workers`,
  async () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= seedCount; seed += 1) {
      const report = await runSeed(seed);
      if (report.violation !== null) throw new Error(failureText(report));
      addCounts(counts, report.counts);
    }
    console.log(countsText(counts));
    expect(missingKinds(counts)).toEqual([]);
  },
  timeoutMs,
);

test("runSeed() does the same again for the same seed, and something else for another", async () => {
  const [once, again, other] = [await runSeed(4), await runSeed(4), await runSeed(5)];
  expect([again.traceHash, again.eventCount]).toEqual([once.traceHash, once.eventCount]);
  expect(other.traceHash).not.toBe(once.traceHash);
  expect(once.jobCount).toBeGreaterThan(0);
});

for (const mutant of mutants) {
  test(
    `the simulation notices when ${mutant.name}`,
    async () => {
      for (let seed = 1; seed <= mutantSeedMax; seed += 1) {
        const { violation } = await runSeed(seed, { mutant });
        if (violation !== null && mutant.breaks.includes(violation.promise)) return;
      }
      throw new Error(`None of ${mutantSeedMax} seeds broke ${mutant.breaks.join(" or ")}.`);
    },
    timeoutMs,
  );
}
