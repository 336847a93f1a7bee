// What an agent costs per job: a thousand times `/bin/true` through server and agent, against a bare loop of
// `Bun.spawn` and against GNU parallel where it is installed, in turn, with as many at a time. Then a gigabyte through the
// agent and back.
//
//   bun tests/bench/agent.ts --jobs 1000 --slots 2 --runs 5 --mib 1024

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openGrid } from "../e2e/blips/grid.ts";
import { runLarge } from "../e2e/blips/large.ts";
import { buildOnce } from "../support/binary.ts";
import { spreadOf } from "./figures.ts";
import { cpuPer, readCpu } from "./processes.ts";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "1000" },
    slots: { type: "string", default: String(cpus().length) },
    runs: { type: "string", default: "5" },
    mib: { type: "string", default: "1024" },
  },
});
const [jobs, slots, runs, mib] = [values.jobs, values.slots, values.runs, values.mib].map(Number);
if (!jobs || !slots || !runs || mib === undefined || !Number.isSafeInteger(jobs * slots * runs)) {
  console.error("usage: agent.ts [--jobs N] [--slots N] [--runs N] [--mib N]");
  process.exit(2);
}

/** Of one run; `cpuMs` is CPU time of everything that took part, per job. */
type Figures = { readonly wallMs: number; readonly cpuMs: number; readonly [more: string]: number };

const folder = mkdtempSync(join(tmpdir(), "gridlike-bench-agent-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const binary = join(folder, "gridlike");
copyFileSync(await buildOnce(), binary); // Others may build meanwhile.
const parallel = Bun.which("parallel");

/** From the first submission to the last result. */
async function throughAgent(count: number, atOnce: number): Promise<Figures> {
  await using grid = await openGrid({ binary, types: ["true"] });
  await grid.startServer();
  const command = ["/bin/true"];
  const agent = await grid.startAgent({ type: "true", slots: atOnce, command });
  await agent.until(/link\.welcomed/);
  const [server, worker] = [grid.serverPid(), agent.process.pid];
  const before = [readCpu(server), readCpu(worker), childrenMs(worker)] as const;
  const startedAt = performance.now();
  await grid.submitMany("true", count);
  await grid.allDone(count);
  const wallMs = (performance.now() - startedAt) / count;
  const serverMs = cpuPer(count, before[0], readCpu(server)).us / 1_000;
  const agentMs = cpuPer(count, before[1], readCpu(worker)).us / 1_000;
  const programsMs = (childrenMs(worker) - before[2]) / count;
  return { wallMs, cpuMs: serverMs + agentMs + programsMs, serverMs, agentMs, programsMs };
}

/** CPU time of the processes that it has waited for; Linux counts in ticks of 10 ms. */
function childrenMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** The least that a program in this language can do: its own process, which is measured from outside. */
const loop = join(folder, "loop.ts");
writeFileSync(
  loop,
  `let left = Number(process.argv[2]);
const one = async () => { while (left-- > 0) await Bun.spawn(["/bin/true"], { stdin: "pipe", stdout: "pipe", stderr: "pipe" }).exited; };
await Promise.all(Array.from({ length: Number(process.argv[3]) }, one));
`,
);

async function measured(count: number, words: readonly string[], input: string): Promise<Figures> {
  const startedAt = performance.now();
  const run = Bun.spawn([...words], { stdin: new TextEncoder().encode(input), stdout: "ignore" });
  if ((await run.exited) !== 0) throw new Error(`${words[0]} ended with ${run.exitCode}`);
  const wallMs = (performance.now() - startedAt) / count;
  const { user, system } = run.resourceUsage()!.cpuTime; // Of its children as well, in microseconds.
  return { wallMs, cpuMs: Number(user + system) / 1_000 / count };
}

const ways: { readonly [name: string]: () => Promise<Figures> } = {
  "server and agent": () => throughAgent(jobs, slots),
  "loop of Bun.spawn": () =>
    measured(jobs, [process.execPath, loop, String(jobs), String(slots)], ""),
  ...(parallel !== null && {
    "GNU parallel": () =>
      measured(
        jobs,
        [parallel, "-j", String(slots), "-n0", "/bin/true"],
        Array.from({ length: jobs }, (_, n) => `${n}\n`).join(""),
      ),
  }),
};
const found = new Map<string, Figures[]>(Object.keys(ways).map((name) => [name, []]));
console.log(
  `${jobs} × /bin/true, ${slots} at a time, ${runs} runs in turn; medians (min–max), load ${loadavg()[0]?.toFixed(2)}`,
);
for (let run = 0; run < runs; run += 1) {
  for (const [name, way] of Object.entries(ways)) found.get(name)?.push(await way());
}
for (const [name, series] of found) {
  const words = Object.keys(series[0] ?? {}).map((figure) => {
    const { median, min, max } = spreadOf(series.map((one) => one[figure] ?? Number.NaN));
    return `${figure} ${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  });
  console.log(`${name.padEnd(18)} per job: ${words.join("  ")}`);
}
if (mib > 0) {
  const { problems, figures } = await runLarge({ binary, mib });
  const { seconds, mibPerSecond, serverPeakMib, agentPeakMib } = figures;
  console.log(
    `${mib} MiB through the agent and back in ${seconds.toFixed(1)} s, ${mibPerSecond.toFixed(0)} MiB/s; peak of the server ${serverPeakMib.toFixed(0)} MiB, of the agent ${agentPeakMib.toFixed(0)} MiB`,
  );
  for (const problem of problems) console.log(problem);
}
