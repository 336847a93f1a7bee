// What `gridlike map` costs on one machine: short commands against GNU parallel, which takes its turn in the same run;
// the peak of memory with very many arguments; and how long a person waits for a first result and for help.
//
//   bun tests/bench/map.ts --count 1000 --runs 5 --many 100000
//
// Only the machine's own grid is measured: nothing of the user's is touched, HOME is an empty folder.

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildOnce } from "../support/binary.ts";
import { spreadOf } from "./figures.ts";
import { readMemory } from "./processes.ts";
import { keepBinary } from "./server.ts";

const { values } = parseArgs({
  options: {
    binary: { type: "string" },
    count: { type: "string", default: "1000" },
    runs: { type: "string", default: "5" },
    starts: { type: "string", default: "9" },
    /** 0 leaves it out: it takes minutes. */
    many: { type: "string", default: "100000" },
  },
});
const [count, runCount, startCount, manyCount] = [
  values.count,
  values.runs,
  values.starts,
  values.many,
].map(Number) as [number, number, number, number];

const folder = mkdtempSync(join(tmpdir(), "gridlike-bench-map-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const { binary, digest } = keepBinary(
  values.binary === undefined ? await buildOnce() : resolve(values.binary),
  folder,
  "map",
);
const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
const slots = availableParallelism();
const other = Bun.which("parallel");

/** One side: the words before the command. Both run as many at a time as there are processors. */
const sides = [
  { name: "gridlike map", words: [binary, "map", "--own", "-j", String(slots)] },
  ...(other === null
    ? []
    : [{ name: "GNU parallel", words: [other, "--will-cite", "-j", String(slots)] }]),
];
const commands = [
  { name: "true", words: ["true"], wanted: () => "" },
  { name: "echo {}", words: ["echo {}"], wanted: (n: number) => sorted(linesOf(n)) },
];

console.log(
  `build ${digest}, Bun ${Bun.version}, ${slots} at a time, ${count} commands, ${runCount} runs, load average ${loadavg()[0]?.toFixed(2)} before`,
);
if (other === null) console.log("GNU parallel is not installed: nothing to compare with.");
await compareRates();
if (manyCount > 0) await measureMany();
await measureStarts();
console.log(`load average ${loadavg()[0]?.toFixed(2)} after`);

/** Everything once, then everything again; who is first changes from run to run. */
async function compareRates(): Promise<void> {
  const runs = new Map<string, Run[]>();
  for (let run = 0; run < runCount; run += 1) {
    for (const command of commands) {
      for (const side of run % 2 === 0 ? sides : sides.toReversed()) {
        const title = `${side.name}  ${command.name}`;
        const done = await runAll([...side.words, ...command.words], count);
        if (sorted(done.said) !== command.wanted(count)) throw new Error(`${title} lost output.`);
        runs.set(title, [...(runs.get(title) ?? []), done]);
      }
    }
  }
  for (const [title, done] of runs) {
    const rate = spreadText(
      done.map(({ ms }) => (count / ms) * 1000),
      0,
    );
    const cpu = spreadText(
      done.map(({ cpuMs }) => cpuMs / count),
      2,
    );
    const peak = spreadText(
      done.map(({ peakMib }) => peakMib),
      0,
    );
    console.log(`${title.padEnd(22)}  ${rate} jobs/s  CPU ${cpu} ms/job  peak ${peak} MiB`);
  }
  for (const { name } of other === null ? [] : commands) {
    const [ours = [], others = []] = sides.map((side) => runs.get(`${side.name}  ${name}`));
    const ratios = ours.map(({ ms }, at) => (others[at]?.ms ?? Number.NaN) / ms);
    console.log(`${name}: ${spreadText(ratios, 2)} times the rate of GNU parallel`);
  }
}

async function measureMany(): Promise<void> {
  const done = await runAll([binary, "map", "--own", "true"], manyCount);
  const rate = Math.round((manyCount / done.ms) * 1000);
  console.log(
    `${manyCount} arguments: peak ${Math.round(done.peakMib)} MiB, ${rate} jobs/s, one run`,
  );
}

/** Each in a home of its own that never saw the program. */
async function measureStarts(): Promise<void> {
  const first: number[] = [];
  const help: number[] = [];
  for (let start = 0; start < startCount; start += 1) {
    const home = mkdtempSync(join(folder, "home-"));
    const mapped = begin([binary, "map", "echo", ":::", "a"], home);
    const reader = mapped.program.stdout.getReader();
    await reader.read();
    first.push(performance.now() - mapped.beganMs);
    await mapped.program.exited;
    const helped = begin([binary, "--help"], home);
    await Promise.all([helped.program.exited, helped.program.stdout.text()]);
    help.push(performance.now() - helped.beganMs);
  }
  console.log(`first result of map   ${spreadText(first, 0)} ms, ${startCount} starts`);
  console.log(`gridlike --help       ${spreadText(help, 0)} ms, ${startCount} starts`);
}

function begin(words: readonly string[], home: string) {
  const beganMs = performance.now();
  const program = Bun.spawn([...words], {
    env: { ...env, HOME: home },
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  return { program, beganMs };
}

type Run = {
  readonly ms: number;
  /** User and system time of the program and all that it waited for. */
  readonly cpuMs: number;
  readonly peakMib: number;
  readonly said: string;
};

async function runAll(words: readonly string[], argumentCount: number): Promise<Run> {
  const beganMs = performance.now();
  const program = Bun.spawn([...words], {
    env,
    cwd: folder,
    stdin: new TextEncoder().encode(linesOf(argumentCount)),
    stdout: "pipe",
    stderr: "inherit",
  });
  let peakMib = 0;
  // The system's own figure would count what this process had when it began the other.
  const look = setInterval(() => (peakMib = peakOf(program.pid) ?? peakMib), 50);
  const said = await program.stdout.text();
  const code = await program.exited;
  const ms = performance.now() - beganMs;
  clearInterval(look);
  if (code !== 0) throw new Error(`${words.join(" ")} failed.`);
  const usage = program.resourceUsage();
  if (usage === undefined) throw new Error("The system does not tell what it used.");
  const cpuMs = Number(usage.cpuTime.total) / 1000;
  return { ms, cpuMs, peakMib, said };
}

/** Null when it has ended, or is about to. */
function peakOf(pid: number): number | null {
  try {
    const { peakMib } = readMemory(pid);
    return Number.isNaN(peakMib) ? null : peakMib;
  } catch {
    return null;
  }
}

function linesOf(argumentCount: number): string {
  return Array.from({ length: argumentCount }, (_, at) => `${at + 1}\n`).join("");
}

function sorted(text: string): string {
  return text.split("\n").toSorted().join("\n").trim();
}

function spreadText(figures: readonly number[], digits: number): string {
  const { median, min, max } = spreadOf(figures);
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
