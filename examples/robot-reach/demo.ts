// npm run demo: starts a server and workers on this machine, has them compute where a UR5 arm reaches
// without collision, and draws a picture of it. README.md beside this file tells the whole story.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, relative } from "node:path";
import { buildOnce } from "../../tests/support/binary.ts";
import { decodeCounts, encodeCell, type Cell } from "./formats.ts";
import { createGridApi } from "./grid-api.ts";
import { cellsOf, gridOf } from "./grid.ts";
import { parseOptions, usage, type Options } from "./options.ts";
import { drawPicture } from "./picture.ts";
import { createProcesses, pythonCommand, type Processes, type Server } from "./processes.ts";
import { startProgress } from "./progress.ts";
import { hashOf, pictureSummary, reportLine, reportOf } from "./report.ts";
import { loadScene, type Scene } from "./scene.ts";
import { stages } from "./stages.ts";

/** Requests in flight: enough to keep the server busy, far below what it takes. */
const laneCount = 48;
/** The same poses in every run. */
const seed = 1;

const options = parsed(process.argv.slice(2));
if (options === "help") {
  console.log(usage);
  process.exit(0);
}
try {
  await run(options);
  process.exit(0);
} catch (problem) {
  sayProblem(problem);
  process.exit(1);
}

function parsed(words: readonly string[]): Options | "help" {
  try {
    return parseOptions(words);
  } catch (problem) {
    sayProblem(problem);
    say(`\n${usage}`);
    return process.exit(2);
  }
}

async function run({ cells: cellCount, poses, isPlugPulled, output }: Options): Promise<void> {
  const binary = await buildOnce();
  const scene = loadScene();
  const grid = gridOf(cellCount);
  const cells = cellsOf(grid, poses, seed);
  const processes = createProcesses();
  const server = await processes.startServer(binary);
  say(`A server listens at ${server.url}; ${startTeam(processes, server)} work for it.`);

  const startedAt = performance.now();
  const api = createGridApi(server);
  const results = await compute(cells, api, isPlugPulled ? server : null);
  const seconds = (performance.now() - startedAt) / 1000;
  const doneByWorker = await api.doneByWorker();
  await processes.stopAll();

  const counts = results.map(decodeCounts);
  const hash = hashOf(results);
  console.log(reportOf({ grid, counts, hash, doneByWorker, seconds }));
  const picture = drawPicture({ grid, counts, scene }, pictureSummary({ grid, counts }));
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, picture);
  console.log(reportLine("picture", relative(process.cwd(), output)));
  if (isPlugPulled) compareWithoutGrid(cells, scene, hash);
}

/** Has the grid compute all cells; results in their order. A server to unplug is unplugged half way. */
async function compute(
  cells: readonly Cell[],
  api: ReturnType<typeof createGridApi>,
  toUnplug: Server | null,
): Promise<readonly Uint8Array[]> {
  const sending = startProgress("submitting", cells.length);
  await inLanes(cells, async (cell) => {
    await api.submit(cell);
    sending.advance();
  });
  sending.finish();

  const computing = startProgress("computing ", cells.length);
  const half = Math.ceil(cells.length / 2);
  const results: Uint8Array[] = [];
  let doneCount = 0;
  await inLanes(cells, async (cell) => {
    results[cell.cell] = await api.result(cell);
    computing.advance();
    doneCount++;
    if (doneCount !== half || toUnplug === null) return;
    const goneAt = performance.now();
    await toUnplug.pullThePlug();
    const ms = Math.round(performance.now() - goneAt);
    say(`\nKilled the server with ${half} cells done; it listened again after ${ms} ms.`);
  });
  computing.finish();
  return results;
}

/** A process for each core and a Python one. The second stage takes about three times as long. */
function startTeam(processes: Processes, server: Server): string {
  const cores = availableParallelism();
  const sampleCount = Math.max(1, Math.round(cores / 4));
  const collideCount = Math.max(1, cores - sampleCount);
  for (let index = 1; index <= sampleCount; index++) {
    processes.startWorker(server, "TypeScript", "sample", index);
  }
  for (let index = 1; index <= collideCount; index++) {
    processes.startWorker(server, "TypeScript", "collide", index);
  }
  const team = `${sampleCount + collideCount} workers in TypeScript`;
  if (pythonCommand() === null) return `${team} (there is no Python 3.9 here)`;
  processes.startWorker(server, "Python", "collide", 1);
  return `${team} and one in Python`;
}

/** Calls for each cell in order, several at a time. */
async function inLanes(cells: readonly Cell[], call: (cell: Cell) => Promise<void>): Promise<void> {
  const rest = cells.values();
  const lane = async () => {
    for (const cell of rest) await call(cell);
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
}

/** The proof that nothing was lost or mixed up: the same cells in this process, without any grid. */
function compareWithoutGrid(cells: readonly Cell[], scene: Scene, hash: string): void {
  const checking = startProgress("checking  ", cells.length);
  const encoder = new TextEncoder();
  const expected = cells.map((cell) => {
    const samples = stages["sample"]!(encoder.encode(encodeCell(cell)), scene);
    checking.advance();
    return stages["collide"]!(samples, scene);
  });
  checking.finish();
  const wanted = hashOf(expected);
  console.log(reportLine("without a grid", wanted));
  if (wanted !== hash) throw new Error("The grid's results differ from those without a grid.");
  console.log(reportLine("", "identical, although the server was killed"));
}

function sayProblem(problem: unknown): void {
  say(`demo: ${problem instanceof Error ? problem.message : String(problem)}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
