// Measures the compiled server: `bun tests/bench/run.ts`. No test: it says how fast, never whether right.
// docs/benchmarks.md says what each figure means and how to compare two builds.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { reapAtExit, startHelper } from "./asks.ts";
import { comparePairs, spreadOf, spreadsOf, type Figures } from "./figures.ts";
import { comparisonTable, kindOf, summaryTable } from "./format.ts";
import {
  measureBulk,
  measureCeilings,
  measureFootprint,
  measureLatency,
  measureWindow,
  type Bench,
  type Measure,
} from "./measures.ts";
import { readOptions, usage, type MeasureName, type Options } from "./options.ts";
import { keepBinary, type ServerOptions } from "./server.ts";

/** The runs of one measure, in order: ours, and the compared binary's made beside them. */
type Series = { readonly a: Figures[]; readonly b: Figures[] };
/** One side of the benchmark: what is run, and the beginning of its SHA-256. */
type Side = ServerOptions & { readonly digest: string };
type Found = { readonly ceilings: Figures[]; readonly series: Map<string, Series> };

if (process.platform !== "linux") fail("The benchmarks read /proc: run them on Linux.");
if (process.argv.includes("--help")) {
  console.log(usage);
  process.exit(0);
}
reapAtExit();
const options = readOptionsOrExit();
const measures: { readonly [Name in MeasureName]: readonly (readonly [string, Measure])[] } = {
  W: options.bodies.map((body) => [`W ${body}`, measureWindow(body)]),
  B: [["B single submits", measureBulk]],
  L: [["L latency", measureLatency]],
  F: [["F footprint", measureFootprint]],
};
const machine = {
  startedAt: new Date().toISOString(),
  bun: Bun.version,
  processors: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
  kernel: release(),
  loadBefore: loadavg()[0] ?? 0,
};
// Binaries and data, also what an interrupted run leaves behind.
const kept = mkdtempSync(join(options.directory, "gridlike-bench-"));
process.on("exit", () => rmSync(kept, { recursive: true, force: true, maxRetries: 5 }));
const a = serverOf("A", options.binary ?? (await buildOnce()), options.durability);
const b =
  options.compare === null ? null : serverOf("B", options.compare, options.compareDurability);
const found: Found = { ceilings: [], series: new Map() };
// What was measured before something failed is shown all the same.
const failure = await measureAll(found, a, b).then(
  () => null,
  (error: unknown) => error,
);
const loadAfter = loadavg()[0] ?? 0;
print(found);
if (options.json !== null) writeFileSync(options.json, toJson(found));
if (failure !== null) console.error("Stopped early, the tables are incomplete:", failure);
process.exit(failure === null ? 0 : 1);

function readOptionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

function serverOf(name: string, path: string, durability: ServerOptions["durability"]): Side {
  return { ...keepBinary(path, kept, name), durability, directory: kept };
}

/** Everything once, then everything again: what else the machine does falls on all of them alike. */
async function measureAll(
  result: Found,
  ours: ServerOptions,
  other: ServerOptions | null,
): Promise<void> {
  const chosen = options.only.flatMap((name) => measures[name]);
  const needsCeilings = other === null && options.only.some((name) => name !== "F");
  for (let run = 0; run < options.runCount; run += 1) {
    if (needsCeilings) {
      note(run, "ceilings");
      result.ceilings.push(await withBench((bench) => measureCeilings(bench, ours)));
    }
    for (const [name, measure] of chosen) {
      const series = result.series.get(name) ?? { a: [], b: [] };
      result.series.set(name, series);
      // Who is first changes from run to run.
      const turns = run % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
      for (const turn of turns) {
        const server = turn === "a" ? ours : other;
        if (server === null) continue;
        note(run, other === null ? name : `${name}, ${turn.toUpperCase()}`);
        series[turn].push(await withBench((bench) => measure(bench, server)));
      }
    }
  }
}

/** Fresh processes around each run, so that none meets what an earlier one left in their heaps. */
async function withBench(use: (bench: Bench) => Promise<Figures>): Promise<Figures> {
  const helpers = {
    load: startHelper<never, never>("load"),
    workers: startHelper<never, never>("workers"),
    disk: startHelper<never, never>("disk"),
    ceilingServer: startHelper<never, never>("ceiling-server"),
  };
  const { jobCount, warmupCount, inFlight, workerCount, speech, idleCount } = options;
  try {
    const given = { jobCount, warmupCount, inFlight, workerCount, speech, idleCount };
    return await use({ ...helpers, ...given });
  } finally {
    await Promise.all(Object.values(helpers).map((helper) => helper.stop()));
  }
}

function note(run: number, what: string): void {
  console.error(`run ${run + 1} of ${options.runCount}: ${what}`);
}

function print({ ceilings, series }: Found): void {
  const { runCount, jobCount, warmupCount, inFlight, workerCount, speech } = options;
  const { speaks, window } = speech;
  const workers = `${workerCount} ${speaks} workers${speaks === "v2" ? ` with windows of ${window}` : ""}`;
  console.log(
    [
      `${machine.startedAt}, Bun ${machine.bun}, ${machine.processors}, Linux ${machine.kernel}`,
      `load average ${machine.loadBefore.toFixed(2)} before, ${loadAfter.toFixed(2)} after`,
      `${runCount} runs of ${jobCount} jobs of 1 KiB after ${warmupCount} to warm up, ${inFlight} in flight, ${workers}; ${options.idleCount} idle ones in F`,
    ].join("\n"),
  );
  if (runCount < 5) console.log("Fewer than five runs: for a look, not for a claim.");
  if (jobCount < 10_000) console.log("Fewer than 10,000 jobs: for a look, not for a claim.");
  if (ceilings.length > 0) printTable("Ceilings", summaryTable("C", spreadsOf(ceilings)));
  for (const [name, runs] of series) {
    if (runs.b.length > 0) printComparison(name, runs);
    else
      printTable(
        `${name}, ${a.durability}, build ${a.digest}`,
        summaryTable(name, spreadsOf(withMultiples(name, runs.a, ceilings))),
      );
  }
}

/** W's CPU against the ceilings that were measured in the same round. */
function withMultiples(
  name: string,
  runs: readonly Figures[],
  ceilings: readonly Figures[],
): readonly Figures[] {
  if (!name.startsWith("W") || ceilings.length === 0) return runs;
  return runs.map((run, n) => {
    const { sumUs = Number.NaN, sumAloneUs = Number.NaN } = ceilings[n] ?? {};
    const { serverUs = Number.NaN } = run;
    return { ...run, multiple: serverUs / sumUs, multipleAlone: serverUs / sumAloneUs };
  });
}

function printComparison(name: string, runs: Series): void {
  const figures = Object.keys(runs.a[0] ?? {});
  const rows = figures.map((figure) => {
    const [ours, others] = [runs.a, runs.b].map((all) =>
      all.map((run) => run[figure] ?? Number.NaN),
    );
    if (ours === undefined || others === undefined) throw new Error("There are two sides.");
    const comparison = comparePairs(ours, others, kindOf(figure).better);
    return { name: figure, ours: spreadOf(ours), others: spreadOf(others), comparison };
  });
  printTable(
    `${name}: A ${a.digest} (${a.durability}), B ${b?.digest} (${b?.durability})`,
    comparisonTable(rows),
  );
}

function printTable(title: string, lines: readonly string[]): void {
  console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join("\n")}`);
}

function toJson({ ceilings, series }: Found): string {
  const all = [...series].map(([measure, { a: ours, b: others }]) => ({
    measure,
    a: withMultiples(measure, ours, ceilings),
    b: others,
  }));
  return `${JSON.stringify({ machine: { ...machine, loadAfter }, options, isWhole: failure === null, builds: { a: a.digest, b: b?.digest ?? null }, ceilings, measures: all }, null, 2)}\n`;
}
