// From the flags of a map, as commander hands them over, to what the map was asked for.

import { GridError } from "../../domain/errors.ts";
import { parseHalt } from "./halt.ts";
import type { FileOptions, InputOptions, LogOptions, MapOptions, ShowOptions } from "./options.ts";
import { readMapWords } from "./read-words.ts";

export type MapValues = {
  readonly argFile?: readonly string[];
  readonly null?: true;
  readonly delimiter?: string;
  readonly colsep?: string;
  readonly header?: string;
  readonly maxArgs?: number;
  readonly maxReplaceArgs?: number;
  readonly I?: string;
  readonly quote?: true;
  /** True unless -r says otherwise. */
  readonly runIfEmpty: boolean;
  readonly jobs?: string;
  readonly dryRun?: true;
  readonly dryrun?: true;
  readonly retries?: number;
  readonly halt?: string;
  readonly timeout?: number;
  readonly delay?: number;
  readonly joblog?: string;
  readonly resume?: true;
  readonly resumeFailed?: true;
  readonly retryFailed?: true;
  readonly keepOrder?: true;
  readonly tag?: true;
  readonly tagstring?: string;
  readonly verbose?: true;
  readonly bar?: true;
  readonly eta?: true;
  readonly progress?: true;
  /** False by --no-return. */
  readonly return?: readonly string[] | boolean;
  readonly transfer?: boolean;
  readonly transferfile?: readonly string[];
  readonly input?: readonly string[];
  readonly basefile?: readonly string[];
  readonly trc?: readonly string[];
  readonly env?: readonly string[];
};

/** Throws `malformed`. */
export function readMapOptions(words: readonly string[], values: MapValues): MapOptions {
  return {
    words: readMapWords(words),
    input: inputOf(values),
    files: filesOf(values),
    show: showOf(values),
    run: {
      isDry: values.dryRun === true || values.dryrun === true,
      jobs: values.jobs ?? null,
      tryCountMax: values.retries ?? 1,
      halt: parseHalt(values.halt ?? "never"),
      timeoutMs:
        values.timeout === undefined ? null : Math.max(1, Math.round(values.timeout * 1000)),
      delayMs: (values.delay ?? 0) * 1000,
    },
    log: logOf(values),
  };
}

function inputOf(values: MapValues): InputOptions {
  if (values.header !== undefined && values.header !== ":") {
    throw new GridError(
      "malformed",
      `--header is ${JSON.stringify(values.header)}. Only : is offered: the first line names the columns.`,
    );
  }
  return {
    files: values.argFile ?? [],
    separator: values.null === true ? "\0" : separatorOf(values.delimiter ?? "\n"),
    columns: values.colsep === undefined ? null : patternOf(values.colsep),
    argumentCountMax: values.maxArgs ?? values.maxReplaceArgs ?? null,
    replacement: values.I ?? "{}",
    hasHeader: values.header !== undefined,
    isQuoted: values.quote === true,
    skipsEmpty: !values.runIfEmpty,
  };
}

function separatorOf(text: string): string {
  const named: { readonly [text: string]: string } = { "\\n": "\n", "\\t": "\t", "\\0": "\0" };
  const separator = named[text] ?? text;
  if (separator !== "") return separator;
  throw new GridError("malformed", "-d is empty. Give the character that ends an argument.");
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch {
    throw new GridError(
      "malformed",
      `--colsep is ${JSON.stringify(text)}, which is no regular expression. Write such as , or '\\t' or ' +'.`,
    );
  }
}

function filesOf(values: MapValues): FileOptions {
  const patterns = [...(Array.isArray(values.return) ? values.return : []), ...(values.trc ?? [])];
  return {
    sendsArguments: values.transfer !== false,
    sent: [...(values.transferfile ?? []), ...(values.input ?? [])],
    base: values.basefile ?? [],
    returned: values.return === false ? [] : patterns.length > 0 ? patterns : "changed",
    env: values.env ?? [],
  };
}

function showOf(values: MapValues): ShowOptions {
  return {
    keepsOrder: values.keepOrder === true,
    tag: values.tagstring ?? (values.tag === true ? "{}" : null),
    printsCommands: values.verbose === true,
    progress:
      values.bar === true
        ? "bar"
        : values.eta === true
          ? "eta"
          : values.progress === true
            ? "counts"
            : "none",
  };
}

function logOf(values: MapValues): LogOptions {
  const isAppended = values.joblog?.startsWith("+") === true;
  const joblog = (isAppended ? values.joblog?.slice(1) : values.joblog) ?? null;
  const resume =
    values.retryFailed === true
      ? "failed"
      : values.resumeFailed === true
        ? "missing-and-failed"
        : values.resume === true
          ? "missing"
          : "nothing";
  if (resume !== "nothing" && joblog === null) {
    throw new GridError(
      "malformed",
      "What a former map did stands in its joblog. Name it with --joblog.",
    );
  }
  return { joblog, isAppended, resume };
}
