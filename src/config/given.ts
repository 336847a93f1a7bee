// What was given for a setting and by whom: the file, the environment or a flag. A problem names that origin,
// so that a person knows where to look.

import type { Place } from "./toml.ts";

export type Origin =
  { readonly kind: "file"; readonly at: Place } | { readonly kind: "named"; readonly name: string };

/** `text` is the value as it was written. */
export type Given = { readonly value: unknown; readonly text: string; readonly origin: Origin };

/** What was given, by the full name of the setting: `server.port`. */
export type GivenByName = ReadonlyMap<string, Given>;

/** A mistake of the configuration. Without an origin it is one of the whole. */
export type Problem = { readonly origin: Origin | null; readonly sentence: string };

export function inFile(at: Place): Origin {
  return { kind: "file", at };
}

/** `FILE:LINE:COLUMN: sentence`, or the name of the variable or flag instead of the file. */
export function formatProblem(problem: Problem, file: string | null): string {
  const { origin, sentence } = problem;
  const where = file ?? "configuration";
  if (origin === null) return `${where}: ${sentence}`;
  if (origin.kind === "named") return `${origin.name}: ${sentence}`;
  return `${where}:${origin.at.line}:${origin.at.column}: ${sentence}`;
}

/** Problems in the order a person mends them: the file from top to bottom, then the rest. */
export function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ origin }: Problem) =>
    origin?.kind === "file" ? origin.at.line * 100_000 + origin.at.column : Infinity;
  return problems.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    return left === right ? 0 : left - right;
  });
}
