// The arithmetic of the benchmarks: spreads over runs, percentiles within one, and what pairs of runs say.

/** What several runs gave for one figure. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

/** The figures of one run, by name. `format.ts` knows what each name means. */
export type Figures = { readonly [name: string]: number };

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = Number.isInteger(middle) ? (sorted[middle - 1] ?? Number.NaN) : upper;
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** The spread of each figure over the runs. */
export function spreadsOf(runs: readonly Figures[]): { readonly [name: string]: Spread } {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, spreadOf(runs.map((run) => run[name] ?? Number.NaN))]),
  );
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function percentilesOf(values: readonly number[]): {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
} {
  return {
    p50: percentile(values, 0.5),
    p95: percentile(values, 0.95),
    p99: percentile(values, 0.99),
  };
}

export type Comparison = {
  /** Of the other to ours, in each pair of runs made side by side. */
  readonly ratio: Spread;
  readonly verdict: "faster" | "slower" | "unclear" | "too-few-pairs";
};

/** Equal builds fall on one side in all of eight pairs once in 128 times by chance; in all of five, once in 16. */
export const pairsMin = 8;

/** Differences below this share are never called one. */
const shareMin = 0.03;

/** How `others` compare to `ours`, pair by pair. A verdict needs every pair on the same side. */
export function comparePairs(
  ours: readonly number[],
  others: readonly number[],
  better: "higher" | "lower",
): Comparison {
  const ratio = spreadOf(ours.map((value, index) => (others[index] ?? Number.NaN) / value));
  if (ours.length < pairsMin) return { ratio, verdict: "too-few-pairs" };
  const isAbove = ratio.min > 1 && ratio.median > 1 + shareMin;
  const isBelow = ratio.max < 1 && ratio.median < 1 - shareMin;
  if (!isAbove && !isBelow) return { ratio, verdict: "unclear" };
  return { ratio, verdict: isAbove === (better === "higher") ? "faster" : "slower" };
}
