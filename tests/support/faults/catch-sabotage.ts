// Puts a sabotaged build to the kill loop until it is caught. Chance decides which request meets which kill, so a
// run in which nothing fell into the gap is tried again, a few times; a build never caught voids the whole.

import { join } from "node:path";
import type { Findings, Rule } from "./findings.ts";
import { runKillLoop } from "./kill-loop.ts";
import { buildSabotaged, type Sabotage } from "./sabotage.ts";

export type Caught = {
  /** The rules it was caught by; empty when it was not. */
  readonly by: readonly Rule[];
  /** Of the last run. */
  readonly findings: Findings;
  readonly kills: number;
};

const killsPerRun = 10;
const runCountMax = 4;

export async function catchSabotage(
  sabotage: Sabotage,
  directory: string,
  seed: number,
): Promise<Caught> {
  const binary = join(directory, sabotage.name);
  await buildSabotaged(sabotage, binary);
  let kills = 0;
  for (let run = 1; ; run += 1) {
    const { findings, figures } = await runKillLoop({
      binary,
      directory: join(directory, `${sabotage.name}.${run}`),
      kills: killsPerRun,
      seed: seed + run,
      isUnruly: false,
      settleMsMax: 5_000,
    });
    kills += figures.kills;
    const by = sabotage.breaks.filter((rule) => findings.count(rule) > 0);
    if (by.length > 0 || run === runCountMax) return { by, findings, kills };
  }
}
