// The words of a map behind its flags: the command, then where its arguments come from, as GNU parallel has it.

import { GridError } from "../../domain/errors.ts";

/** One list of arguments or one file of them. */
export type NamedSource = {
  readonly from:
    | { readonly kind: "words"; readonly words: readonly string[] }
    /** `-` is standard input. */
    | { readonly kind: "file"; readonly path: string };
  readonly isLinked: boolean;
};

export type MapWords = {
  /** "" when the arguments are the commands. */
  readonly command: readonly string[];
  readonly sources: readonly NamedSource[];
};

const separators: ReadonlyMap<string, { readonly isFile: boolean; readonly isLinked: boolean }> =
  new Map([
    [":::", { isFile: false, isLinked: false }],
    [":::+", { isFile: false, isLinked: true }],
    ["::::", { isFile: true, isLinked: false }],
    ["::::+", { isFile: true, isLinked: true }],
  ]);

export function readMapWords(words: readonly string[]): MapWords {
  const first = words.findIndex((word) => separators.has(word));
  const command = first < 0 ? words : words.slice(0, first);
  const sources: NamedSource[] = [];
  for (let at = first; at >= 0 && at < words.length;) {
    const separator = words[at] ?? "";
    const { isFile, isLinked } = separators.get(separator) ?? { isFile: false, isLinked: false };
    const next = words.findIndex((word, index) => index > at && separators.has(word));
    const given = words.slice(at + 1, next < 0 ? words.length : next);
    if (isFile) sources.push(...filesOf(separator, given, isLinked));
    else sources.push({ from: { kind: "words", words: given }, isLinked });
    at = next;
  }
  const [head] = sources;
  if (head?.isLinked === true) throw linkedToNothing();
  return { command, sources };
}

/** Each file is a source of its own. */
function filesOf(
  separator: string,
  paths: readonly string[],
  isLinked: boolean,
): readonly NamedSource[] {
  if (paths.length === 0) {
    throw new GridError(
      "malformed",
      `No file stands behind ${separator}. Name one, or - for standard input.`,
    );
  }
  return paths.map((path) => ({ from: { kind: "file", path }, isLinked }));
}

function linkedToNothing(): GridError {
  const sentence =
    ":::+ and ::::+ go along with a source before them, and there is none. Begin with ::: or ::::.";
  return new GridError("malformed", sentence);
}
