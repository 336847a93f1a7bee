// What each figure means and how it is shown: tables for people, one line per figure.

import type { Comparison, Spread } from "./figures.ts";

type Unit = "/s" | "µs" | "ms" | "MiB" | "×";

export type FigureKind = {
  readonly label: string;
  readonly unit: Unit;
  readonly better: "higher" | "lower";
};

const lower = (label: string, unit: Unit): FigureKind => ({ label, unit, better: "lower" });
const higher = (label: string): FigureKind => ({ label, unit: "/s", better: "higher" });

export const figureKinds: { readonly [name: string]: FigureKind } = {
  jobsPerSecond: higher("jobs"),
  serverUs: lower("server CPU per job", "µs"),
  serverUserUs: lower("  user", "µs"),
  serverSystemUs: lower("  system", "µs"),
  serverMainUs: lower("  main thread alone", "µs"),
  loadUs: lower("load generator CPU per job", "µs"),
  workersUs: lower("workers' CPU per job", "µs"),
  totalUs: lower("total CPU per job", "µs"),
  p50Ms: lower("submit to result, p50", "ms"),
  p95Ms: lower("submit to result, p95", "ms"),
  p99Ms: lower("submit to result, p99", "ms"),
  residentMib: lower("server memory after", "MiB"),
  peakMib: lower("server memory, peak", "MiB"),
  readyFirstMs: lower("exec to ready, first start", "ms"),
  readyAgainMs: lower("exec to ready, later start", "ms"),
  aloneMib: lower("memory without workers", "MiB"),
  aloneAnonymousMib: lower("  of it not the program's file", "MiB"),
  crowdedMib: lower("memory with the idle workers", "MiB"),
  crowdedAnonymousMib: lower("  of it not the program's file", "MiB"),
  binaryMib: lower("size of the binary", "MiB"),
  postUs: lower("HTTP POST of 1 KiB, CPU", "µs"),
  postPerSecond: higher("HTTP POST of 1 KiB"),
  getUs: lower("HTTP GET of 1 KiB, CPU", "µs"),
  getPerSecond: higher("HTTP GET of 1 KiB"),
  frameUs: lower("WebSocket frame, many in flight, CPU", "µs"),
  frameAloneUs: lower("WebSocket frame, one in flight per socket, CPU", "µs"),
  sqliteUs: lower("SQLite FULL, facts of a job, 64 per commit, CPU", "µs"),
  sqlitePerSecond: higher("SQLite FULL, facts of a job, 64 per commit"),
  syncP50Ms: lower("fdatasync of 4 KiB, p50", "ms"),
  syncP99Ms: lower("fdatasync of 4 KiB, p99", "ms"),
  sumUs: lower("sum: POST + GET + 4 frames + SQLite", "µs"),
  sumAloneUs: lower("sum with frames one in flight", "µs"),
  multiple: lower("server CPU per job ÷ sum of ceilings", "×"),
  multipleAlone: lower("the same, frames one in flight", "×"),
};

/** What is to be reached, by measure and figure. */
const targets: { readonly [measure: string]: { readonly [name: string]: number } } = {
  W: { jobsPerSecond: 5_000, multiple: 3 },
  B: { jobsPerSecond: 8_000 },
  L: { p50Ms: 1.5 },
  F: { readyFirstMs: 100, readyAgainMs: 100 },
};

export function summaryTable(
  measure: string,
  spreads: { readonly [name: string]: Spread },
): readonly string[] {
  const rows = Object.entries(spreads).map(([name, { median, min, max }]) => {
    const { label, unit } = kindOf(name);
    const range = `${toText(min, unit)} – ${toText(max, unit)}`;
    return [label, `${toText(median, unit)} ${unit}`, range, judge(measure, name, median)];
  });
  return align([["", "median", "min – max", "target"], ...rows]);
}

export function comparisonTable(
  rows: readonly {
    readonly name: string;
    readonly ours: Spread;
    readonly others: Spread;
    readonly comparison: Comparison;
  }[],
): readonly string[] {
  const lines = rows.map(({ name, ours, others, comparison: { ratio, verdict } }) => {
    const { label, unit } = kindOf(name);
    return [
      label,
      `${toText(ours.median, unit)} ${unit}`,
      `${toText(others.median, unit)} ${unit}`,
      ratio.median.toFixed(3),
      `${ratio.min.toFixed(3)} – ${ratio.max.toFixed(3)}`,
      verdictTexts[verdict],
    ];
  });
  return align([["", "A", "B", "B ÷ A", "min – max", "says"], ...lines]);
}

const verdictTexts = {
  faster: "B is better",
  slower: "B is worse",
  unclear: "no clear difference",
  "too-few-pairs": "too few pairs",
} as const satisfies { readonly [verdict in Comparison["verdict"]]: string };

export function kindOf(name: string): FigureKind {
  const kind = figureKinds[name];
  if (kind === undefined) throw new Error(`The figure ${name} has no description.`);
  return kind;
}

function judge(measure: string, name: string, value: number): string {
  const target = targets[measure.split(" ")[0] ?? ""]?.[name];
  if (target === undefined) return "";
  const { unit, better } = kindOf(name);
  const isMet = better === "higher" ? value >= target : value <= target;
  const sign = better === "higher" ? "≥" : "≤";
  return `${sign} ${target.toLocaleString("en")} ${unit}: ${isMet ? "met" : "MISSED"}`;
}

function toText(value: number, unit: Unit): string {
  if (unit === "/s") return Math.round(value).toLocaleString("en");
  if (unit === "ms" || unit === "×") return value.toFixed(2);
  return value.toFixed(1);
}

/** The first column to the left, all others to the right. */
function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, n) =>
    Math.max(...rows.map((row) => (row[n] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
