// The whole campaign: `bun tests/e2e/kill-loop/campaign.ts --kills 200 [--seed N]`. Kills the compiled binary at
// random under load, then does the same to builds that are broken on purpose. The run is void, and ends with 1,
// when the real one lost anything or a broken one went unseen.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildOnce } from "../../support/binary.ts";
import { catchSabotage } from "../../support/faults/catch-sabotage.ts";
import { rules } from "../../support/faults/findings.ts";
import { runKillLoop, type KillLoopFigures } from "../../support/faults/kill-loop.ts";
import { sabotages } from "../../support/faults/sabotage.ts";
import { reapAtExit } from "../../support/faults/victim.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed)) {
  say("usage: campaign.ts [--kills COUNT] [--seed NUMBER] [--keep]");
  process.exit(2);
}
reapAtExit();
const directory = await mkdtemp(join(tmpdir(), "grid-kill-loop-"));
let isVoid = false;
try {
  await attackReal(await buildOnce());
  for (const sabotage of sabotages) await attackSabotaged(sabotage);
} finally {
  if (values.keep) say(`kept ${directory}`);
  else await rm(directory, { recursive: true, force: true });
}
say(
  isVoid ? "VOID: see above" : `sound: ${kills} kills lost nothing, every broken build was caught`,
);
process.exit(isVoid ? 1 : 0);

async function attackReal(binary: string): Promise<void> {
  say(`seed ${seed}`);
  const { findings, figures } = await runKillLoop({
    binary,
    directory: join(directory, "real"),
    kills,
    seed,
    isUnruly: true,
    settleMsMax: 120_000,
    note: say,
  });
  for (const line of tableOf(figures)) say(line);
  for (const line of findings.lines()) say(line);
  const isIdle = figures.acknowledged === 0 || figures.done === 0 || figures.kills < kills;
  if (isIdle) say("The run did too little to mean anything.");
  if (isIdle || findings.total() > 0) isVoid = true;
}

async function attackSabotaged(sabotage: (typeof sabotages)[number]): Promise<void> {
  const { by, findings, kills: needed } = await catchSabotage(sabotage, directory, seed);
  const verdict = by.map((rule) => `${rule} ×${findings.count(rule)}`).join(", ");
  say(`sabotage ${sabotage.name} (${sabotage.does}):`);
  say(`   ${by.length === 0 ? "NOT CAUGHT" : `caught by ${verdict}`} after ${needed} kills`);
  for (const rule of by) say(`   ${rule}: ${rules[rule]}`);
  if (by.length === 0) isVoid = true;
}

function tableOf(figures: KillLoopFigures): readonly string[] {
  return Object.entries(figures).map(([name, value]) => {
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return `${words.padEnd(24)} ${Number.isInteger(value) ? value : value.toFixed(1)}`;
  });
}

function say(line: string): void {
  console.log(line);
}
