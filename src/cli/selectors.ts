// How people name jobs on the command line: numbers and ranges, keys and ids, groups, labels and types. Pure: what a
// word means; which jobs these are is found out in find-jobs.ts.

import type { ManyFilter } from "../client/index.ts";
import { keyProblem, parseJobRef } from "../domain/key.ts";
import { selectorNumbersMax } from "./limits.ts";
import { didYouMean, nearest } from "../domain/nearest.ts";
import { UsageMistake } from "./trouble.ts";

export type NumberRange = { readonly from: number; readonly to: number; readonly step: number };

export type Selector =
  | { readonly kind: "job"; readonly name: string }
  | { readonly kind: "numbers"; readonly ranges: readonly NumberRange[] }
  | { readonly kind: "last" }
  | { readonly kind: "label"; readonly name: string; readonly value: string }
  /** What the server can find by itself. */
  | { readonly kind: "filter"; readonly filter: Pick<ManyFilter, "group" | "type"> };

const forms = ["key", "group", "label"] as const;
const words = ["last", "all"] as const;

/** Throws `UsageMistake` on what is none, naming the nearest form. */
export function parseSelectors(given: readonly string[]): readonly Selector[] {
  return given.map(parseSelector);
}

export function parseSelector(word: string): Selector {
  if (word === "last") return { kind: "last" };
  if (word === "all") return { kind: "filter", filter: {} };
  if (parseJobRef(word).by === "id") return { kind: "job", name: word };
  if (/^[0-9][0-9,:-]*$/.test(word)) return { kind: "numbers", ranges: parseNumbers(word) };
  if (word.startsWith("@")) {
    if (word.length > 1) return { kind: "filter", filter: { type: word.slice(1) } };
    throw new UsageMistake("@ wants the name of a type behind it, like @render.");
  }
  const [, form = "", rest = ""] = /^([A-Za-z]+):(.*)$/s.exec(word) ?? [];
  if (form === "") return { kind: "job", name: requireKey(word) };
  return parseForm(form, rest, word);
}

function parseForm(form: string, rest: string, word: string): Selector {
  switch (form) {
    case "key":
      return { kind: "job", name: requireKey(rest) };
    case "group":
      if (rest !== "") return { kind: "filter", filter: { group: rest } };
      throw new UsageMistake("group: wants the name of a group behind it, like group:film.");
    case "label": {
      const at = rest.indexOf("=");
      if (at > 0) return { kind: "label", name: rest.slice(0, at), value: rest.slice(at + 1) };
      throw new UsageMistake(`"${word}" names no label. Write it like label:user=pat.`);
    }
    default: {
      // Keys may hold colons: only what looks like a slip is refused.
      const near = nearest(form, forms);
      if (near === null && form !== "type" && form !== "tag") {
        return { kind: "job", name: requireKey(word) };
      }
      const meant = form === "type" ? `@${rest}` : `${near ?? "label"}:${rest}`;
      throw new UsageMistake(
        `"${word}" is no selector. Did you mean ${meant}? A key that looks like this is named by key:${word}.`,
      );
    }
  }
}

function parseNumbers(word: string): readonly NumberRange[] {
  const ranges = word.split(",").map((part) => {
    const [, from = "", to = from, step = "1"] =
      /^([0-9]{1,15})(?:-([0-9]{1,15})(?::([0-9]{1,15}))?)?$/.exec(part) ?? [];
    const range = { from: Number(from), to: Number(to), step: Number(step) };
    if (from !== "" && range.to >= range.from && range.step >= 1) return range;
    throw new UsageMistake(
      `"${word}" is no list of job numbers: write 12, 1-5, 1-9:2 or 1,3,5-8. A key that looks like this is named by key:${word}.`,
    );
  });
  const count = ranges.reduce((sum, { from, to, step }) => sum + Math.floor((to - from) / step), 0);
  if (count < selectorNumbersMax) return ranges;
  throw new UsageMistake(
    `"${word}" are more than ${selectorNumbersMax} numbers. Name a group, a type or all instead.`,
  );
}

function requireKey(key: string): string {
  const problem = keyProblem(key);
  if (problem === null) return key;
  throw new UsageMistake(`${problem} Name the job by its number or id.`);
}

/** A remedy for a key that no job has. */
export function meantWord(name: string): string {
  return didYouMean(name, words);
}

/** Each number once per range, in its order. */
export function* numbersOf(ranges: readonly NumberRange[]): Generator<number, void, undefined> {
  for (const { from, to, step } of ranges) {
    for (let number = from; number <= to; number += step) yield number;
  }
}
