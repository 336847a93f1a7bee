// The words on the command line of the benchmarks.

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Speech } from "./asks.ts";
import { pairsMin } from "./figures.ts";

export const measureNames = ["W", "B", "L", "F"] as const;
export type MeasureName = (typeof measureNames)[number];

export type Options = {
  readonly only: readonly MeasureName[];
  readonly bodies: readonly ("raw" | "multipart")[];
  readonly runCount: number;
  readonly jobCount: number;
  readonly warmupCount: number;
  readonly inFlight: number;
  readonly workerCount: number;
  readonly speech: Speech;
  readonly idleCount: number;
  readonly durability: "power" | "process";
  /** A binary to measure in place of the one built from these sources. */
  readonly binary: string | null;
  /** A second binary, or null for no comparison. */
  readonly compare: string | null;
  readonly compareDurability: "power" | "process";
  readonly directory: string;
  readonly json: string | null;
};

export const usage = `bun tests/bench/run.ts [options]

  --only W,B,L,F         measures to take (all)
  --body raw,multipart   how W submits (both)
  --runs N               runs of each; the medians are of these (5, compared 8)
  --jobs N               jobs counted in a run of W and B (10000)
  --warmup N             jobs before anything counts, so that a server is measured and not its compiler (40000)
  --in-flight N          requests at a time (64)
  --workers N            workers (8)
  --speak PROTOCOL       classic (one job at a time) or v2
  --window N             jobs that a v2 worker may hold (8)
  --idle N               idle workers of F (1000)
  --durability KIND      power (synced) or process
  --binary FILE          measure this one, do not build
  --compare FILE         alternate with this one, run by run
  --compare-durability KIND   of the compared one (as --durability)
  --dir DIR              where data directories are made: the disk that is measured
  --json FILE            write every figure of every run there`;

const kinds = {
  only: { type: "string", default: measureNames.join(",") },
  body: { type: "string", default: "raw,multipart" },
  runs: { type: "string" },
  jobs: { type: "string", default: "10000" },
  warmup: { type: "string", default: "40000" },
  "in-flight": { type: "string", default: "64" },
  workers: { type: "string", default: "8" },
  speak: { type: "string", default: "classic" },
  window: { type: "string", default: "8" },
  idle: { type: "string", default: "1000" },
  durability: { type: "string", default: "power" },
  binary: { type: "string" },
  compare: { type: "string" },
  "compare-durability": { type: "string" },
  dir: { type: "string", default: tmpdir() },
  json: { type: "string" },
} as const;

/** Throws a sentence for whoever typed it. */
export function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({ args: [...words], options: kinds, strict: true });
  const durability = oneOf("durability", values.durability, ["power", "process"]);
  return {
    only: values.only.split(",").map((word) => oneOf("only", word, measureNames)),
    bodies: values.body.split(",").map((word) => oneOf("body", word, ["raw", "multipart"])),
    runCount: whole("runs", values.runs ?? (values.compare === undefined ? "5" : `${pairsMin}`)),
    jobCount: whole("jobs", values.jobs),
    warmupCount: whole("warmup", values.warmup),
    inFlight: whole("in-flight", values["in-flight"]),
    workerCount: whole("workers", values.workers),
    speech: {
      speaks: oneOf("speak", values.speak, ["classic", "v2"]),
      window: whole("window", values.window),
    },
    idleCount: whole("idle", values.idle),
    durability,
    binary: values.binary === undefined ? null : existing("binary", values.binary),
    compare: values.compare === undefined ? null : existing("compare", values.compare),
    compareDurability: oneOf("compare-durability", values["compare-durability"] ?? durability, [
      "power",
      "process",
    ]),
    directory: existing("dir", values.dir),
    json: values.json === undefined ? null : resolve(values.json),
  };
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`--${name} is "${text}". Give a whole number from 1.`);
}

function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} is "${text}". Choose from ${words.join(", ")}.`);
}

function existing(name: string, path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return full;
  throw new Error(`--${name} names ${full}, which does not exist.`);
}
