// The numbers at the end of a run, and the fingerprint of its results.

import type { Counts } from "./formats.ts";
import type { Grid } from "./grid.ts";

export type Run = {
  readonly grid: Grid;
  readonly counts: readonly Counts[];
  /** SHA-256 of all results. */
  readonly hash: string;
  /** Finished jobs by worker name. */
  readonly doneByWorker: ReadonlyMap<string, number>;
  readonly seconds: number;
};

/** The line under the picture's title. */
export function pictureSummary({ grid, counts }: Pick<Run, "grid" | "counts">): string {
  const { poses, reachable, free } = sumsOf(counts);
  return [
    `${grouped(counts.length)} cells of ${(grid.edge * 100).toFixed(1)} cm`,
    `${grouped(poses)} tool poses`,
    `${percent(reachable, poses)} within reach`,
    `${percent(free, poses)} without collision`,
  ].join(" · ");
}

export function reportOf({ counts, hash, doneByWorker, seconds }: Run): string {
  const { poses, reachable, free, solutions } = sumsOf(counts);
  const jobCount = 2 * counts.length;
  const workers = [...doneByWorker].toSorted(([one], [other]) => one.localeCompare(other));
  const rows = [
    ["cells", grouped(counts.length)],
    ["tool poses", `${grouped(poses)} with ${grouped(solutions)} joint solutions`],
    ["within reach", percent(reachable, poses)],
    ["without collision", percent(free, poses)],
    [
      "jobs",
      `${grouped(jobCount)} in ${seconds.toFixed(1)} s, ${grouped(Math.round(jobCount / seconds))} jobs/s`,
    ],
    ...workers.map(([name, done]) => ["", `${grouped(done)} by ${name}`]),
    ["results sha256", hash],
  ];
  return rows.map(([name, value]) => reportLine(name!, value!)).join("\n");
}

export const reportLine = (name: string, value: string): string => `${name.padEnd(18)}${value}`;

/** Of all results in the order of the cells: the same numbers have the same hash. */
export function hashOf(results: readonly Uint8Array[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const result of results) hasher.update(result).update("\n");
  return hasher.digest("hex");
}

function sumsOf(counts: readonly Counts[]) {
  const sum = (name: "poses" | "reachable" | "free" | "solutions") =>
    counts.reduce((total, cell) => total + cell[name], 0);
  return {
    poses: sum("poses"),
    reachable: sum("reachable"),
    free: sum("free"),
    solutions: sum("solutions"),
  };
}

const grouped = (value: number): string => value.toLocaleString("en-US");
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)}%`;
