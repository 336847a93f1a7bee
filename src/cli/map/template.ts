// A command with replacement strings, as GNU parallel has them: parsed once, written out for each set of arguments.
// Where the number of the worker's slot belongs the text stays cut, since only the worker knows it.

import { unreachable } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import { shellQuote } from "./quote.ts";

/** What is taken of an argument. */
type Part = "whole" | "stem" | "base" | "folder" | "baseStem";

type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "slot" }
  | { readonly kind: "number" }
  /** `at` counts from 1, below zero from the end; null is all arguments. */
  | { readonly kind: "argument"; readonly part: Part; readonly at: number | null };

export type Template = { readonly pieces: readonly Piece[] };

/** What one job is made of. */
export type JobArguments = { readonly number: number; readonly values: readonly string[] };

export type TemplateOptions = {
  /** Stands for all arguments: `{}`. */
  readonly replacement: string;
  /** Names of arguments, by their place; from --header. */
  readonly names: readonly string[];
};

const partBySuffix: { readonly [suffix: string]: Part } = {
  "": "whole",
  ".": "stem",
  "/": "base",
  "//": "folder",
  "/.": "baseStem",
};

/** A command. Without any replacement string it gets one at its end; an empty one is the arguments themselves. */
export function parseCommand(command: string, options: TemplateOptions): Template {
  const { pieces } = parseTemplate(command, options);
  if (pieces.some(({ kind }) => kind === "argument" || kind === "number" || kind === "slot")) {
    return { pieces };
  }
  return { pieces: [...pieces, { kind: "text", text: " " }, allArguments] };
}

/** Text in which replacement strings may stand, such as that of --tagstring. */
export function parseTemplate(text: string, { replacement, names }: TemplateOptions): Template {
  if (text.includes("{=")) {
    const sentence =
      "Perl between {= and =} is not offered. Use {.} {/} {//} {/.}, or let the command do it.";
    throw new GridError("malformed", sentence);
  }
  const named = names.map((name) => RegExp.escape(name));
  const place = ["-?[1-9][0-9]*", ...named].join("|");
  const pattern = new RegExp(
    [
      String.raw`(?<all>${RegExp.escape(replacement)})`,
      String.raw`\{(?<special>[#%])\}`,
      String.raw`\{(?<suffix>//|/\.|/|\.)\}`,
      String.raw`\{(?<place>${place})(?<placeSuffix>//|/\.|/|\.|)\}`,
    ].join("|"),
    "g",
  );
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) pieces.push({ kind: "text", text: text.slice(end, match.index) });
    pieces.push(toPiece(match.groups ?? {}, names));
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ kind: "text", text: text.slice(end) });
  return { pieces };
}

/** The template written out, as the parts between which the number of a slot belongs; most have one part. */
export function fillIn(template: Template, given: JobArguments): readonly [string, ...string[]] {
  return filled(template, given, shellQuote);
}

/** The same without quotes, for what no shell reads. The slot is shown as `{%}`. */
export function fillInPlain(template: Template, given: JobArguments): string {
  return filled(template, given, (text) => text).join("{%}");
}

const allArguments: Piece = { kind: "argument", part: "whole", at: null };

/** The arguments as they are: for a command that is itself the argument. */
export const bareArguments: Template = { pieces: [allArguments] };

function toPiece(
  found: { readonly [name: string]: string | undefined },
  names: readonly string[],
): Piece {
  const { all, special, suffix, place, placeSuffix = "" } = found;
  if (all !== undefined) return allArguments;
  if (special === "#") return { kind: "number" };
  if (special === "%") return { kind: "slot" };
  if (suffix !== undefined) return { kind: "argument", part: partOf(suffix), at: null };
  const named = names.indexOf(place ?? "");
  const at = named >= 0 ? named + 1 : Number(place);
  return { kind: "argument", part: partOf(placeSuffix), at };
}

function partOf(suffix: string): Part {
  return partBySuffix[suffix] ?? "whole"; // The pattern lets no other one through.
}

function filled(
  template: Template,
  given: JobArguments,
  write: (text: string) => string,
): readonly [string, ...string[]] {
  const cut: string[] = [];
  let text = "";
  for (const piece of template.pieces) {
    if (piece.kind === "slot") {
      cut.push(text);
      text = "";
    } else if (piece.kind === "text") text += piece.text;
    else if (piece.kind === "number") text += String(given.number);
    else text += taken(piece, given).map(write).join(" ");
  }
  const [first, ...others] = [...cut, text];
  return [first ?? "", ...others];
}

/** A place beyond the arguments is nothing, without quotes. */
function taken({ part, at }: Piece & { kind: "argument" }, { values }: JobArguments) {
  const chosen =
    at === null ? values : at > 0 ? values.slice(at - 1, at) : values.slice(at).slice(0, 1);
  const isBefore = at !== null && at < 0 && -at > values.length;
  return isBefore ? [] : chosen.map((value) => partOfValue(part, value));
}

function partOfValue(part: Part, value: string): string {
  switch (part) {
    case "whole":
      return value;
    case "stem":
      return withoutExtension(value);
    case "base":
      return baseOf(value);
    case "baseStem":
      return withoutExtension(baseOf(value));
    case "folder":
      return folderOf(value);
    default:
      return unreachable(part);
  }
}

function withoutExtension(value: string): string {
  return value.replace(/\.[^/.]*$/, "");
}

function baseOf(value: string): string {
  return value.slice(value.lastIndexOf("/") + 1);
}

/** As dirname of a shell says it. */
function folderOf(value: string): string {
  const path = value.replace(/(?<=[^/])\/+$/, "");
  const at = path.lastIndexOf("/");
  if (at < 0) return ".";
  const folder = path.slice(0, at).replace(/\/+$/, "");
  return folder === "" ? "/" : folder;
}
