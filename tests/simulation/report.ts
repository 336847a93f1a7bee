// What is said of runs: why one failed and how to run it again, and what a campaign has seen.

import type { Report } from "./world.ts";

/** Everything needed to look into a failed run. */
export function failureText(report: Report): string {
  const { seed, violation, tail, knobs, virtualMs } = report;
  return [
    ...tail,
    `knobs ${JSON.stringify(knobs)}`,
    `Seed ${seed} broke ${violation?.promise} after ${virtualMs} ms: ${violation?.detail}`,
    `Again: bun tests/simulation/campaign.ts --first ${seed} --seeds 1 --lines 500`,
  ].join("\n");
}

/** Counts by kind, in columns. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  const cells = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += 4) {
    const row = cells.slice(at, at + 4).map(([kind, count]) => `${kind} ${count}`.padEnd(34));
    lines.push(row.join("").trimEnd());
  }
  return lines.join("\n");
}
