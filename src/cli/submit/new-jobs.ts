// The jobs that a submission consists of, one after the other: a file each, the numbers of an array, the lines of a
// file, the elements of a JSON list.

import type { NewJob } from "../../client/index.ts";
import { clientBulkPayloadBytesMax } from "../../client/limits.ts";
import { joinBytes } from "../../domain/join-bytes.ts";
import { submitJsonBytesMax } from "../map/limits.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { sizeOrNull } from "../../platform/file-system.ts";
import { inputFile, standardInput } from "../../platform/input-bytes.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  commandType,
  encodeCommand,
  packArchive,
  stdinEntry,
  type ShippedCommand,
  type ShippedFile,
} from "../../protocol/shipped-command.ts";
import { linesOf } from "../map/lines.ts";
import { shellQuote } from "../map/quote.ts";
import { UsageMistake } from "../trouble.ts";
import { indexesOf } from "./array.ts";
import type { SubmitOptions, Work } from "./options.ts";

/** What one of several jobs has of its own. */
type Element = { readonly index: number; readonly entry: string | null };

export type NewJobsDeps = {
  /** Files of the caller that travel with a command, as `shippedFiles` finds them. */
  readonly shipped: readonly ShippedFile[];
};

export async function* newJobs(
  options: SubmitOptions,
  { shipped }: NewJobsDeps,
): AsyncGenerator<NewJob, void, undefined> {
  const { work, request, many } = options;
  const stdin = work.files.includes("-") && work.kind === "command" ? await allOfStdin() : null;
  if (many.kind === "none" && work.kind === "payloads") {
    for (const path of work.files)
      yield { ...request, ...aboutOf(work), payload: await payloadOf(path) };
    return;
  }
  const shared =
    work.kind === "payloads" && work.files.length > 0
      ? await payloadOf(work.files[0] ?? "-")
      : null;
  for await (const element of elementsOf(options)) {
    const { key } = request;
    const isOne = many.kind === "none";
    const own = isOne
      ? {}
      : {
          ...(key === undefined ? {} : { key: `${key}-${element.index}` }),
          labels: { ...request.labels, index: element.index },
        };
    const payload =
      work.kind === "command"
        ? commandPayload(work, isOne ? null : element, shipped, stdin)
        : { payload: shared ?? element.entry ?? "" };
    yield { ...request, ...own, ...aboutOf(work), ...payload };
  }
}

async function* elementsOf({ many }: SubmitOptions): AsyncGenerator<Element, void, undefined> {
  switch (many.kind) {
    case "none":
      yield { index: 1, entry: null };
      return;
    case "array":
      for (const index of indexesOf(many.ranges)) yield { index, entry: null };
      return;
    case "lines": {
      let index = 0;
      for await (const entry of linesOf(opened(many.file), "\n"))
        yield { index: (index += 1), entry };
      return;
    }
    case "json":
      for (const [at, entry] of (await elementsIn(many.file)).entries()) {
        yield { index: at + 1, entry };
      }
  }
}

async function elementsIn(file: string): Promise<readonly string[]> {
  const text = new TextDecoder().decode(await bounded(opened(file), file));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageMistake(`${file} is no JSON. Give a list, of which each element becomes a job.`);
  }
  if (!Array.isArray(value)) {
    throw new UsageMistake(
      `${file} holds no JSON list. Give one, of which each element becomes a job.`,
    );
  }
  return value.map((element: unknown) =>
    typeof element === "string" ? element : JSON.stringify(element),
  );
}

function aboutOf(work: Work) {
  if (work.kind === "command") return { type: commandType };
  const { type, contentType } = work;
  return {
    ...(type === null ? {} : { type }),
    ...(contentType === null ? {} : { contentType }),
  };
}

function commandPayload(
  { words, returned, env }: Extract<Work, { kind: "command" }>,
  element: Element | null,
  files: readonly ShippedFile[],
  stdin: Uint8Array | null,
) {
  const own = element === null ? {} : variablesOf(element);
  const [only = "", ...others] = words;
  const line = element === null ? only : only.replaceAll("{}", shellQuote(argumentOf(element)));
  const argv =
    element === null ? words : words.map((word) => word.replaceAll("{}", argumentOf(element)));
  const command: ShippedCommand = {
    version: 1,
    ...(others.length === 0 ? { shell: line } : { argv: [...argv] }),
    env: { ...env, ...own },
    stdin: stdin !== null,
    returns: [...returned],
    answer: "stdout",
  };
  const json = encodeCommand(command);
  if (files.length === 0 && stdin === null) {
    return { payload: json, contentType: commandMediaType };
  }
  const all = stdin === null ? files : [asStdin(stdin), ...files];
  const document = { name: commandEntry, json };
  return { payload: () => packArchive(document, all), contentType: archiveMediaType };
}

function argumentOf({ index, entry }: Element): string {
  return entry ?? String(index);
}

function variablesOf({ index, entry }: Element) {
  return {
    GRIDLIKE_INDEX: String(index),
    ...(entry === null ? {} : { GRIDLIKE_ENTRY: entry }),
  };
}

function asStdin(bytes: Uint8Array): ShippedFile {
  async function* open() {
    yield bytes;
  }
  return { path: stdinEntry, size: bytes.length, isExecutable: false, modifiedAt: 0, open };
}

/** Small files travel together with others, larger ones as they are read; standard input can be read once. */
async function payloadOf(path: string): Promise<NewJob["payload"]> {
  if (path === "-") return standardInput();
  const size = await sizeOrNull(path);
  if (size !== null && size > clientBulkPayloadBytesMax) return () => inputFile(path);
  return joinBytes(await Array.fromAsync(opened(path)));
}

async function allOfStdin(): Promise<Uint8Array> {
  return bounded(standardInput(), "Standard input");
}

async function bounded(pieces: AsyncIterable<Uint8Array>, what: string): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    kept.push(piece);
    size += piece.length;
    if (size > submitJsonBytesMax) {
      throw new UsageMistake(
        `${what} has more than ${submitJsonBytesMax} bytes. Put it into a file, and submit that.`,
      );
    }
  }
  return joinBytes(kept);
}

async function* opened(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* path === "-" ? standardInput() : inputFile(path);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === null) throw error;
    throw new UsageMistake(`The file ${JSON.stringify(path)} cannot be read (${code}).`);
  }
}
