// The short form of the blip matrix, for every run of the tests: the compiled program on both ends, cables that fail in
// every way at every moment, the server killed under running jobs, agents killed with results in their hands, and a build
// that is broken on purpose. The whole campaign is `bun tests/e2e/blips/campaign.ts`.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { crossing, toxics } from "./blips/cells.ts";
import { moments, runKilled } from "./blips/killed.ts";
import { runMatrix } from "./blips/matrix.ts";
import { runRestart } from "./blips/restart.ts";
import { abandonsOnResume, attackPlanted, spoolsNothing } from "./blips/sabotage.ts";

let binary = "";
let folder = "";

beforeAll(async () => {
  binary = await buildOnce();
  folder = await mkdtemp(join(tmpdir(), "gridlike-planted-"));
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a cable that fails at any moment for up to some seconds costs no job and no run of one", async () => {
  const cells = [
    ...crossing(toxics, [100, 2_500]),
    ...crossing(toxics, [2_500], true, ["running", "ends-away", "result-small"]),
  ];
  const { problems, figures } = await runMatrix({
    binary,
    cells,
    laneCount: 20,
    settleMsMax: 30_000,
  });
  console.log(JSON.stringify(figures));
  expect(problems).toEqual([]);
  expect(figures).toMatchObject({ cells: cells.length, executions: cells.length, lost: 0 });
  // Cables were cut: some agents came a second time, and some jobs did not arrive the first time.
  expect(figures.connections).toBeGreaterThan(cells.length * 1.5);
}, 120_000);

test("a server that is killed while all jobs run, and comes back, gets every result without a second run", async () => {
  const { problems, figures } = await runRestart({
    binary,
    jobCount: 24,
    napMs: 4_000,
    agentCount: 3,
    slots: 8,
    killAfterMs: Math.random() * 2_500,
    downMs: 1_000,
    resultBytes: [100, 40_000, 300_000],
    settleMsMax: 30_000,
  });
  console.log(JSON.stringify(figures));
  expect(problems).toEqual([]);
  expect(figures).toMatchObject({ jobs: 24, accepted: 24, executions: 24, charged: 0 });
}, 60_000);

for (const [name, moment] of Object.entries(moments)) {
  const how = moment.executions === 1 ? "is not run again" : "is run again, and one result stands";
  test(`a job whose agent is killed ${name} ${how}`, async () => {
    expect(await runKilled(binary, moment)).toEqual([]);
  }, 60_000);
}

for (const bug of [abandonsOnResume, spoolsNothing]) {
  test(`a build that ${bug.does} is caught`, async () => {
    expect(await attackPlanted(bug, folder)).not.toEqual([]);
  }, 60_000);
}
