// The jobs of a map, one after the other as they are asked for: arguments from their sources, put into the command.

import { GridError } from "../../domain/errors.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { inputFile, standardInput } from "../../platform/input-bytes.ts";
import { createLogged, parseJoblogLine, type Logged } from "./joblog.ts";
import { linesOf } from "./lines.ts";
import type { InputOptions, MapOptions } from "./options.ts";
import { shellQuote } from "./quote.ts";
import type { NamedSource } from "./read-words.ts";
import { combinations, gathered, recordsOf, type ArgumentRecord, type Source } from "./sources.ts";
import {
  bareArguments,
  fillIn,
  fillInPlain,
  parseCommand,
  parseTemplate,
  type JobArguments,
  type Template,
  type TemplateOptions,
} from "./template.ts";

export type PlannedJob = JobArguments & {
  /** For the shell, cut where the number of the slot belongs. */
  readonly parts: readonly [string, ...string[]];
};

export type Plan = {
  readonly jobs: AsyncIterable<PlannedJob>;
  /** Parses further replacement strings, once the jobs have begun to come. */
  readonly template: (text: string) => Template;
};

/** The command as people read it. */
export function shownCommand({ parts }: PlannedJob): string {
  return parts.join("{%}");
}

/** Opens no file before the first job is asked for. */
export async function planJobs(options: MapOptions): Promise<Plan> {
  const { input, words, log } = options;
  if (log.resume === "failed") return { jobs: failedJobs(log.joblog), template: plainTemplate };
  const opened = sourcesOf(input, words.sources);
  const { sources, names } = input.hasHeader
    ? await withoutHeaders(opened)
    : { sources: opened, names: [] };
  const settings: TemplateOptions = { replacement: input.replacement, names };
  const command = commandTemplate(words.command, input, settings);
  return {
    jobs: numbered(command, recordsFor(input, sources)),
    template: (text) => parseTemplate(text, settings),
  };
}

function plainTemplate(text: string): Template {
  return parseTemplate(text, { replacement: "{}", names: [] });
}

function commandTemplate(
  words: readonly string[],
  { isQuoted }: InputOptions,
  settings: TemplateOptions,
): { readonly template: Template; readonly isBare: boolean } {
  if (words.length === 0) return { template: bareArguments, isBare: true };
  const text = (isQuoted ? words.map(quotedAround(settings)) : words).join(" ");
  return { template: parseCommand(text, settings), isBare: false };
}

/** Quotes a word but for the replacement strings in it. */
function quotedAround(settings: TemplateOptions) {
  return (word: string) => {
    const { pieces } = parseTemplate(word, settings);
    const isPlain = pieces.every(({ kind }) => kind === "text");
    if (isPlain || word === settings.replacement) return isPlain ? shellQuote(word) : word;
    return word.replaceAll(/[^{}.#%/A-Za-z0-9_+-]+/g, shellQuote);
  };
}

async function* numbered(
  { template, isBare }: ReturnType<typeof commandTemplate>,
  records: AsyncIterable<ArgumentRecord>,
): AsyncGenerator<PlannedJob, void, undefined> {
  let number = 0;
  for await (const values of records) {
    number += 1;
    const given = { number, values };
    const parts = isBare ? ([fillInPlain(template, given)] as const) : fillIn(template, given);
    yield { ...given, parts };
  }
}

async function* recordsFor(
  { argumentCountMax, skipsEmpty }: InputOptions,
  sources: readonly Source[],
): AsyncGenerator<ArgumentRecord, void, undefined> {
  const all = combinations(sources);
  const wanted = skipsEmpty ? filled(all) : all;
  yield* argumentCountMax === null ? wanted : gathered(wanted, argumentCountMax);
}

async function* filled(records: AsyncIterable<ArgumentRecord>) {
  for await (const record of records) {
    if (record.some((value) => value.trim() !== "")) yield record;
  }
}

function sourcesOf(input: InputOptions, named: readonly NamedSource[]): readonly Source[] {
  const files = input.files.map((path): NamedSource => ({
    from: { kind: "file", path },
    isLinked: false,
  }));
  const all = [...files, ...named];
  const stdin: NamedSource = { from: { kind: "file", path: "-" }, isLinked: false };
  const given = all.length === 0 ? [stdin] : all;
  if (given.filter(({ from }) => from.kind === "file" && from.path === "-").length > 1) {
    throw new GridError(
      "malformed",
      "Standard input is named twice, and can be read once. Put one of its parts into a file.",
    );
  }
  return given.map(({ from, isLinked }) => ({
    records: recordsOf(
      from.kind === "words" ? from.words : linesOf(bytesOf(from.path), input.separator),
      input,
    ),
    isLinked,
  }));
}

function bytesOf(path: string): AsyncIterable<Uint8Array> {
  return path === "-" ? standardInput() : readFile(path, "It was to hold arguments.");
}

/** Takes the first record of each source for the names of its columns. */
async function withoutHeaders(sources: readonly Source[]) {
  const names: string[] = [];
  const rests: Source[] = [];
  for (const { records, isLinked } of sources) {
    const iterator = (async function* () {
      yield* records;
    })();
    const first = await iterator.next();
    if (first.done !== true) names.push(...first.value);
    rests.push({ records: iterator, isLinked });
  }
  return { sources: rests, names };
}

/** The commands of a joblog that failed, with their numbers. */
async function* failedJobs(path: string | null): AsyncGenerator<PlannedJob, void, undefined> {
  if (path === null) return;
  const commands = new Map<number, string>();
  for await (const line of linesOf(readFile(path, "It was to be the joblog."), "\n")) {
    const logged = parseJoblogLine(line);
    if (logged === null) continue;
    if (logged.isFailed) commands.set(logged.number, logged.command);
    else commands.delete(logged.number);
  }
  for (const [number, command] of [...commands].sort(([one], [other]) => one - other)) {
    yield { number, values: [command], parts: [command] };
  }
}

/** What a former run settled; null where there is nothing to look at. */
export async function readJoblog(path: string): Promise<Logged> {
  const logged = createLogged();
  for await (const line of linesOf(readFile(path, "It was to be the joblog."), "\n")) {
    const job = parseJoblogLine(line);
    if (job !== null) logged.note(job);
  }
  return logged;
}

async function* readFile(path: string, purpose: string) {
  try {
    yield* inputFile(path);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === null) throw error;
    throw new GridError(
      "malformed",
      `The file ${JSON.stringify(path)} cannot be read (${code}). ${purpose}`,
    );
  }
}
