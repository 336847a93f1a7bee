// From the words and flags of `gridlike submit`, as commander hands them over, to what it was asked for.

import type { JobRequest } from "../../client/index.ts";
import type { Json } from "../../domain/errors.ts";
import type { Instant } from "../../domain/job.ts";
import { UsageMistake } from "../trouble.ts";
import { parseArray } from "./array.ts";
import type { Many, SubmitOptions, Work } from "./options.ts";
import { parseInstant, parseSpan } from "./when.ts";

export type SubmitValues = {
  readonly type?: string;
  readonly contentType?: string;
  readonly key?: string;
  readonly group?: string;
  readonly label?: readonly string[];
  readonly priority?: "immediate" | "batch";
  readonly description?: string;
  readonly maxAttempts?: number;
  readonly timeout?: string;
  readonly notBefore?: string;
  readonly begin?: string;
  readonly deadline?: string;
  readonly hold?: true;
  readonly requires?: string;
  readonly return?: readonly string[];
  readonly env?: readonly string[];
  readonly array?: string;
  readonly eachLine?: string;
  readonly fromJson?: string;
  readonly wait?: true;
  readonly json?: true;
  readonly parsable?: true;
};

export type SubmitFacts = {
  readonly now: Instant;
  readonly variables: { readonly [name: string]: string | undefined };
  readonly isFile: (word: string) => boolean;
  /** For a group that was not named. */
  readonly makeGroup: () => string;
};

/** `command`: the words behind `--`, or null. Throws `UsageMistake`. */
export function readSubmitOptions(
  words: readonly string[],
  command: readonly string[] | null,
  values: SubmitValues,
  facts: SubmitFacts,
): SubmitOptions {
  const many = manyOf(values);
  const work = workOf(words, command, values, many, facts);
  const request = requestOf(values, many, facts);
  if (
    request.key !== undefined &&
    many.kind === "none" &&
    work.files.length > 1 &&
    work.kind === "payloads"
  ) {
    throw new UsageMistake(
      "--key names one job, and there are several files. Submit them one by one, or give them a --group.",
    );
  }
  return {
    work,
    request,
    many,
    isWaiting: values.wait === true,
    output: values.json === true ? "json" : values.parsable === true ? "number" : "key",
  };
}

function workOf(
  words: readonly string[],
  command: readonly string[] | null,
  values: SubmitValues,
  many: Many,
  { variables, isFile }: SubmitFacts,
): Work {
  if (command !== null) {
    if (command.length === 0)
      throw new UsageMistake(
        "No command stands behind --. Write such as gridlike submit -- sort data.txt.",
      );
    if (values.type !== undefined && values.type !== "command") {
      throw new UsageMistake(
        `A command is a job of the type command, not ${values.type}. Leave out --type.`,
      );
    }
    const env = Object.fromEntries((values.env ?? []).map((word) => variableOf(word, variables)));
    return { kind: "command", words: command, files: words, returned: values.return ?? [], env };
  }
  if (values.return !== undefined || values.env !== undefined) {
    throw new UsageMistake("--return and --env are for commands: write one behind --.");
  }
  const [first = "-", ...rest] = words;
  const isType = values.type === undefined && first !== "-" && !isFile(first);
  const type = isType ? first : (values.type ?? null);
  const files = isType ? rest : words;
  const isPayloadGiven = many.kind === "lines" || many.kind === "json";
  if (isPayloadGiven && files.length > 0) {
    throw new UsageMistake(
      `Lines and elements are the payloads, so ${files[0]} has no place. Leave it out.`,
    );
  }
  if (many.kind === "array" && files.length > 1) {
    throw new UsageMistake("The jobs of an array have one payload. Name one file.");
  }
  const contentType = values.contentType ?? null;
  const payloads = files.length === 0 && !isPayloadGiven ? ["-"] : files;
  return { kind: "payloads", type, files: payloads, contentType };
}

function manyOf({ array, eachLine, fromJson }: SubmitValues): Many {
  const given = [array, eachLine, fromJson].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new UsageMistake(
      "--array, --each-line and --from-json say in three ways which jobs there are. Give one of them.",
    );
  }
  if (array !== undefined) return { kind: "array", ...parseArray(array) };
  if (eachLine !== undefined) return { kind: "lines", file: eachLine };
  return fromJson === undefined ? { kind: "none" } : { kind: "json", file: fromJson };
}

function requestOf(values: SubmitValues, many: Many, facts: SubmitFacts): SubmitOptions["request"] {
  const { now } = facts;
  const begin = values.notBefore ?? values.begin;
  const group = values.group ?? (many.kind === "none" ? undefined : facts.makeGroup());
  const runningMax = many.kind === "array" ? many.runningMax : null;
  const given: { -readonly [Name in keyof JobRequest]: JobRequest[Name] | undefined } = {
    key: values.key,
    group,
    labels: labelsOf(values.label),
    priority: values.priority,
    description: values.description,
    maxAttempts: values.maxAttempts,
    timeoutS:
      values.timeout === undefined ? undefined : parseSpan("--timeout", values.timeout) / 1000,
    notBefore: begin === undefined ? undefined : parseInstant("--not-before", begin, now),
    deadline:
      values.deadline === undefined ? undefined : parseInstant("--deadline", values.deadline, now),
    hold: values.hold,
    requires: values.requires,
    groupRunningMax: runningMax ?? undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function labelsOf(words: readonly string[] | undefined) {
  if (words === undefined) return undefined;
  const labels: { [name: string]: Json } = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw new UsageMistake(`--label is ${JSON.stringify(word)}. Write NAME=VALUE.`);
    labels[word.slice(0, at)] = word.slice(at + 1);
  }
  return labels;
}

/** `NAME=VALUE`, or a variable of this process by its name. */
function variableOf(word: string, variables: SubmitFacts["variables"]): readonly [string, string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  const value = variables[word];
  if (value !== undefined) return [word, value];
  throw new UsageMistake(
    `--env ${word}: this process has no such variable. Write NAME=VALUE, or set it.`,
  );
}
