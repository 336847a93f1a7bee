// The whole campaign: `bun tests/e2e/blips/campaign.ts [--lengths 0.1,5,35,70,400] [--phases …] [--toxics …] [--lanes N]
// [--only matrix,restart,killed,large,planted]`. Every cell of the matrix with the times of real use, the server killed under a
// hundred jobs and away for up to two minutes, agents killed at every moment, a gigabyte through the agent, then builds that are
// broken on purpose. The run is void, and ends with 1, when the real one lost or repeated anything or a broken one went unseen.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildOnce } from "../../support/binary.ts";
import { crossing, phases, toxics, type Cell, type Phase } from "./cells.ts";
import type { Toxic } from "../../support/chaos-proxy.ts";
import { moments, runKilled } from "./killed.ts";
import { runLarge } from "./large.ts";
import { runMatrix } from "./matrix.ts";
import { runRestart } from "./restart.ts";
import { attackPlanted, planted } from "./sabotage.ts";

const parts = ["matrix", "restart", "killed", "large", "planted"] as const;
const { values } = parseArgs({
  options: {
    lengths: { type: "string", default: "0.1,5,35,70,400" },
    phases: { type: "string", default: phases.join(",") },
    toxics: { type: "string", default: [...toxics, "forgotten"].join(",") },
    lanes: { type: "string", default: "96" },
    only: { type: "string", default: parts.join(",") },
  },
});
const only = new Set(values.only.split(","));
const folder = await mkdtemp(join(tmpdir(), "gridlike-campaign-"));
let isVoid = false;
try {
  const binary = join(folder, "gridlike");
  await copyFile(await buildOnce(), binary); // Others may build meanwhile.
  const doings = { matrix, restart, killed, large, planted: bugs };
  for (const part of parts) if (only.has(part)) await doings[part](binary);
} finally {
  await rm(folder, { recursive: true, force: true });
}
say(
  isVoid ? "VOID: see above" : "sound: nothing was lost or repeated, every broken build was caught",
);
process.exit(isVoid ? 1 : 0);

async function matrix(binary: string): Promise<void> {
  const cells = chosenCells();
  say(`matrix of ${cells.length} cells`);
  const { problems, figures } = await runMatrix({
    binary,
    cells,
    laneCount: Number(values.lanes),
    warmUpMs: 121_000,
    settleMsMax: 150_000, // After a long time without a server, an agent looks for it once a minute.
    note: say,
  });
  tell(figures);
  condemn(problems);
}

/** Longest first, so that they all run beside the others. */
function chosenCells(): readonly Cell[] {
  const lengths = values.lengths.split(",").map((seconds) => Number(seconds) * 1_000);
  const during = values.phases.split(",") as Phase[]; // Checked by what they make of a cell.
  const chosen = values.toxics.split(",") as Toxic[];
  const lasting = lengths.filter((ms) => ms >= 70_000);
  // Who forgets a connection for a moment or an hour forgets it for good.
  const forgetful = chosen.includes("forgotten")
    ? lengths.filter((ms) => ms === 5_000 || ms === 35_000)
    : [];
  const shared = during.filter((phase) => ["running", "ends-away", "result-small"].includes(phase));
  return [
    ...crossing(
      chosen.filter((toxic) => toxic !== "forgotten"),
      lengths,
      false,
      during,
    ),
    ...crossing(["forgotten"], forgetful, false, during),
    ...crossing(chosen, lasting, true, shared),
  ].toSorted((a, b) => b.ms - a.ms);
}

async function restart(binary: string): Promise<void> {
  for (const downMs of [0, 5_000, 30_000, 120_000]) {
    const { problems, figures } = await runRestart({
      binary,
      jobCount: 100,
      napMs: 20_000,
      agentCount: 5,
      slots: 20,
      killAfterMs: Math.random() * 15_000,
      downMs,
      resultBytes: [100, 40_000, 300_000],
      settleMsMax: 150_000,
    });
    say(`kill -9 of the server under 100 jobs, ${downMs / 1_000} s down`);
    tell(figures);
    condemn(problems);
  }
}

async function killed(binary: string): Promise<void> {
  for (const [name, moment] of Object.entries(moments)) {
    const problems = await runKilled(binary, moment);
    say(`agent killed ${name}: ${problems.length === 0 ? "as it should be" : "WRONG"}`);
    condemn(problems);
  }
}

async function large(binary: string): Promise<void> {
  const { problems, figures } = await runLarge({ binary, mib: 1_024 });
  say("1 GiB in and out through an agent");
  tell(figures);
  condemn(problems);
}

async function bugs(): Promise<void> {
  for (const bug of planted) {
    const found = await attackPlanted(bug, folder);
    say(`a build that ${bug.does}: ${found[0] ?? "NOT CAUGHT"}`);
    if (found.length === 0) isVoid = true;
  }
}

function condemn(problems: readonly string[]): void {
  for (const problem of problems) say(`   ${problem}`);
  if (problems.length > 0) isVoid = true;
}

function tell(figures: { readonly [name: string]: number }): void {
  for (const [name, value] of Object.entries(figures)) {
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    say(`   ${words.padEnd(18)} ${Number.isInteger(value) ? value : value.toFixed(1)}`);
  }
}

function say(line: string): void {
  console.log(line);
}
