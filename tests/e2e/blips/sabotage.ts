// Builds that lose or repeat work on purpose. A matrix that does not catch them proves nothing with what it does
// not find.

import { join } from "node:path";
import { buildSabotaged, type BrokenBuild } from "../../support/faults/sabotage.ts";
import type { Cell } from "./cells.ts";
import { moments, runKilled } from "./killed.ts";
import { runMatrix } from "./matrix.ts";

export type Planted = BrokenBuild & {
  /** What the harness finds in it; nothing when it goes unseen. */
  readonly attack: (binary: string) => Promise<readonly string[]>;
};

/** Thrice, because chance has a say. */
const inCells = (cell: Cell) => async (binary: string) => {
  const cells = [cell, cell, cell];
  return (await runMatrix({ binary, cells, laneCount: 3, settleMsMax: 15_000 })).problems;
};

export const abandonsOnResume: Planted = {
  name: "abandons-on-resume",
  does: "tells workers that come back to abandon what they run",
  edits: [
    {
      file: "src/broker/worker-resume.ts",
      find: 'return isAtWork ? "continue" : "deliver";',
      put: 'return isAtWork ? "abandon" : "deliver";',
    },
  ],
  attack: inCells({ phase: "running", toxic: "close", ms: 100, hasStandIn: false }),
};

const forgetsWhatItSent: Planted = {
  name: "forgets-what-it-sent",
  does: "forgets a result as soon as it was sent",
  edits: [
    {
      file: "src/agent/spool/delivery.ts",
      find: "link?.send(header, body);",
      put: 'link?.send(header, body); tell({ kind: "uploaded", job: name.job, attempt: name.attempt, verdict: "committed" });',
    },
  ],
  attack: inCells({ phase: "result-small", toxic: "reset", ms: 100, hasStandIn: false }),
};

const givesAwayAtOnce: Planted = {
  name: "gives-away-at-once",
  does: "gives a job to another as soon as a connection is torn on which it was not confirmed",
  edits: [
    {
      file: "src/broker/worker-holdings.ts",
      find: 'how === "left" && lease.stage === "sent"',
      put: 'lease.stage === "sent"',
    },
  ],
  attack: inCells({ phase: "result-small", toxic: "close", ms: 2_500, hasStandIn: true }),
};

export const spoolsNothing: Planted = {
  name: "spools-nothing",
  does: "keeps results in memory alone",
  edits: [
    {
      file: "src/agent/spool/spool.ts",
      find: "await replaceFile(sidecarOf(key), toSidecar(ended));",
      put: "await replaceFile(`${sidecarOf(key)}.tmp`, toSidecar(ended));",
    },
  ],
  async attack(binary) {
    const moment = moments["at half of a large result"];
    if (moment === undefined) throw new Error("There is no such moment.");
    return runKilled(binary, moment).catch((error: unknown) => [String(error)]);
  },
};

export const planted = [
  abandonsOnResume,
  forgetsWhatItSent,
  givesAwayAtOnce,
  spoolsNothing,
] as const;

/** Builds it in the folder, and tells what was found in it. */
export async function attackPlanted(bug: Planted, folder: string): Promise<readonly string[]> {
  const binary = join(folder, bug.name);
  await buildSabotaged(bug, binary);
  return bug.attack(binary);
}
