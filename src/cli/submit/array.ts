// The numbers of an array, as HyperQueue and Slurm write them: `1-100:2%10`, `1,3,5-8`. What stands behind % is how
// many of its jobs run at a time.

import { groupRunningCountMax } from "../../domain/limits.ts";
import { UsageMistake } from "../trouble.ts";
import type { Range } from "./options.ts";

export type ParsedArray = { readonly ranges: readonly Range[]; readonly runningMax: number | null };

/** More than this is no array but a mistake in one. */
const jobCountMax = 10_000_000;

/** Throws `UsageMistake`. */
export function parseArray(text: string): ParsedArray {
  const plain = text.replaceAll("_", "");
  const [, list = "", limit] = /^([^%]*)(?:%([0-9]{1,7}))?$/.exec(plain) ?? [];
  const ranges = list.split(",").map((part) => parseRange(part, text));
  const runningMax = limit === undefined ? null : Number(limit);
  if (runningMax === 0 || (runningMax ?? 1) > groupRunningCountMax) throw mistake(text);
  if (ranges.reduce((sum, range) => sum + countOf(range), 0) > jobCountMax) {
    throw new UsageMistake(
      `--array ${text} is more than ${jobCountMax} jobs. Give less to each submission.`,
    );
  }
  return { ranges, runningMax };
}

export function* indexesOf(ranges: readonly Range[]): Generator<number, void, undefined> {
  for (const { from, to, step } of ranges) {
    for (let index = from; index <= to; index += step) yield index;
  }
}

function parseRange(part: string, text: string): Range {
  const [, from, to = from, step = "1"] =
    /^([0-9]{1,15})(?:-([0-9]{1,15})(?::([0-9]{1,15}))?)?$/.exec(part) ?? [];
  if (from === undefined || Number(step) === 0 || Number(to) < Number(from)) throw mistake(text);
  return { from: Number(from), to: Number(to), step: Number(step) };
}

function countOf({ from, to, step }: Range): number {
  return Math.floor((to - from) / step) + 1;
}

function mistake(text: string): UsageMistake {
  return new UsageMistake(
    `--array is ${JSON.stringify(text)}. Write such as 1-100, 1-100:2, 1,3,5-8, and %10 behind it for ten at a time.`,
  );
}
