// The long form of the simulation: many seeds, one summary.
// bun tests/simulation/campaign.ts [--seeds 1000] [--first 1] [--lines 80] [--mutant PART-OF-ITS-NAME]

import { parseArgs } from "node:util";
import { addCounts, missingKinds } from "./coverage.ts";
import { mutants, type Mutant } from "./mutants.ts";
import { countsText, failureText } from "./report.ts";
import { runSeed } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    first: { type: "string", default: "1" },
    lines: { type: "string", default: "80" },
    mutant: { type: "string" },
  },
});
const first = Number(values.first);
const last = first + Number(values.seeds) - 1;
const failedSeeds: number[] = [];
const counts = new Map<string, number>();
const sums = { jobs: 0, events: 0, virtualMs: 0 };
const strayErrors: unknown[] = [];

process.on("unhandledRejection", (error) => strayErrors.push(error));
const startedAt = performance.now();
const mutant = chooseMutant(values.mutant);
for (let seed = first; seed <= last; seed += 1) {
  const report = await runSeed(seed, { mutant, lineCount: Number(values.lines) });
  addCounts(counts, report.counts);
  sums.jobs += report.jobCount;
  sums.events += report.eventCount;
  sums.virtualMs += report.virtualMs;
  for (const error of strayErrors.splice(0)) {
    console.log(`Seed ${seed}: nobody caught ${String(error)}`);
    failedSeeds.push(seed);
  }
  if (report.violation !== null) {
    failedSeeds.push(seed);
    if (failedSeeds.length <= 3) console.log(failureText(report));
    else console.log(`Seed ${seed}: ${report.violation.promise} ${report.violation.detail}`);
  }
  if (seed % 500 === 0) console.error(`${seed - first + 1} seeds, ${failedSeeds.length} failed`);
}

const seconds = (performance.now() - startedAt) / 1000;
const missing = last - first >= 99 ? missingKinds(counts) : [];
console.log(countsText(counts));
console.log(
  `${last - first + 1} seeds in ${seconds.toFixed(0)} s: ${sums.jobs} jobs, ${sums.events} events, ` +
    `${(sums.virtualMs / 3_600_000).toFixed(0)} hours of virtual time.`,
);
if (missing.length > 0) console.log(`Never happened: ${missing.join(", ")}`);
console.log(
  failedSeeds.length === 0 ? "No promise was broken." : `Failed: ${failedSeeds.join(" ")}`,
);
process.exit(failedSeeds.length === 0 && missing.length === 0 ? 0 : 1);

function chooseMutant(part: string | undefined): Mutant | null {
  if (part === undefined) return null;
  const found = mutants.find(({ name }) => name.includes(part));
  if (found !== undefined) return found;
  console.error(`No mutant has "${part}" in its name. They are:`);
  for (const { name } of mutants) console.error(`  ${name}`);
  return process.exit(2);
}
