// A command that a client sends to a worker: what is run, and the client's files that it needs. A command without files
// is one small JSON document; with files it is a tar file that begins with that document. What comes back is as
// simple: the standard output alone, a small outcome, or a tar file. docs/decisions/0012-files-of-map.md tells why.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import { fileNameBytesMax } from "../domain/limits.ts";
import {
  shippedEnvironmentCountMax,
  shippedFileCountMax,
  shippedJsonBytesMax,
  shippedPathBytesMax,
} from "./shipped-limits.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";
import { readTar, type TarItem } from "./tar-reader.ts";

export { commandType } from "../domain/job-type.ts";

export const commandMediaType = "application/vnd.gridlike.command+json";
export const outcomeMediaType = "application/vnd.gridlike.outcome+json";
export const archiveMediaType = "application/x-tar";

const ownFolder = ".gridlike/";
export const commandEntry = `${ownFolder}command.json`;
export const stdinEntry = `${ownFolder}stdin`;
export const outcomeEntry = `${ownFolder}outcome.json`;
export const stdoutEntry = `${ownFolder}stdout`;
export const stderrEntry = `${ownFolder}stderr`;

const text = v.pipe(
  v.string(),
  v.check((value) => !value.includes("\0"), "holds a NUL"),
);
const name = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/), v.maxLength(256));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const commandSchema = v.pipe(
  v.object({
    version: v.literal(1),
    /** For /bin/sh -c: the text, or the parts of it between which the number of the worker's slot belongs. */
    shell: v.optional(v.union([text, v.pipe(v.array(text), v.minLength(1))])),
    /** Instead of a shell: the program and its arguments. */
    argv: v.optional(v.pipe(v.array(text), v.minLength(1))),
    env: v.optional(
      v.pipe(v.record(name, text), v.maxEntries(shippedEnvironmentCountMax)),
      {} as Record<string, string>,
    ),
    /** An absolute path where it runs; left out: in a fresh folder, where its files lie. */
    folder: v.optional(v.pipe(text, v.startsWith("/"))),
    /** Whether the archive holds what it reads from its standard input. */
    stdin: v.optional(v.boolean(), false),
    /** Longest run; then it is ended, and its outcome says so. The limit of the job itself is another matter. */
    timeout_ms: v.optional(v.pipe(count, v.minValue(1))),
    /** The files that come back: those that fit a pattern, or all that are new or changed. */
    returns: v.optional(v.union([v.literal("changed"), v.array(text)]), [] as string[]),
    /** `stdout`: the job fails when the command does. `outcome`: it tells how the command ended. */
    answer: v.optional(v.picklist(["stdout", "outcome"]), "stdout"),
  }),
  v.check(
    ({ shell, argv }) => (shell === undefined) !== (argv === undefined),
    "needs shell or argv",
  ),
);
export type ShippedCommand = v.InferOutput<typeof commandSchema>;

const outcomeSchema = v.object({
  version: v.literal(1),
  /** Null when a signal ended it. */
  exit_code: v.nullable(v.pipe(v.number(), v.integer())),
  signal: v.nullable(v.string()),
  /** By the worker's clock, milliseconds since 1970. */
  started_ms: count,
  runtime_ms: v.pipe(v.number(), v.minValue(0)),
  /** What it wrote, unless that stands in entries of its own. */
  stdout: v.optional(v.string(), ""),
  stderr: v.optional(v.string(), ""),
});
/** How a command ended. */
export type ShippedOutcome = v.InferOutput<typeof outcomeSchema>;

/** A file on its way. `path` is relative, with slashes. */
export type ShippedFile = {
  readonly path: string;
  readonly size: number;
  readonly isExecutable: boolean;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  readonly open: () => AsyncIterable<Uint8Array>;
};

/** A command without files. */
export function encodeCommand(command: ShippedCommand): string {
  return JSON.stringify(command);
}

/** Throws `malformed`. */
export function decodeCommand(json: string): ShippedCommand {
  return decoded(commandSchema, json, "command");
}

/** Throws `malformed`. */
export function decodeOutcome(json: string): ShippedOutcome {
  return decoded(outcomeSchema, json, "outcome of a command");
}

/** A tar file: first a document under its reserved name, then files in the order they come. Holds pieces only. */
export async function* packArchive(
  document: { readonly name: string; readonly json: string } | null,
  files: Iterable<ShippedFile> | AsyncIterable<ShippedFile>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (document !== null) {
    const bytes = new TextEncoder().encode(document.json);
    const head = tarHeader({ name: document.name, size: bytes.length, modifiedAt: 0 });
    yield joinBytes([head, bytes, tarPadding(bytes.length)]);
  }
  for await (const file of files) {
    yield tarHeader({ ...file, name: file.path });
    let left = file.size;
    for await (const piece of file.open()) {
      left -= piece.length;
      if (left < 0) break;
      yield piece;
    }
    if (left !== 0) throw changedMeanwhile(file.path);
    yield tarPadding(file.size);
  }
  yield tarEnd();
}

/** The entries of such an archive, each to be read to its end: reserved ones as `allowed` names them, then files. */
export async function* unpackArchive(
  source: AsyncIterable<Uint8Array>,
  allowed: readonly string[],
  what: string,
): AsyncGenerator<TarItem, void, undefined> {
  let fileCount = 0;
  for await (const item of readTar(source, what)) {
    if (!allowed.includes(item.name)) {
      const problem = shippedPathProblem(item.name);
      if (problem !== null) throw new GridError("malformed", `${problem} Nothing of it is used.`);
      fileCount += 1;
      if (fileCount > shippedFileCountMax) throw tooMany(what);
    }
    yield item;
  }
}

/** The document that an archive begins with. */
export async function readDocument(item: TarItem | undefined, wanted: string): Promise<string> {
  if (item?.name !== wanted || item.size > shippedJsonBytesMax) {
    throw new GridError("malformed", `The archive does not begin with a fit ${wanted}.`);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of item.bytes) pieces.push(piece);
  return new TextDecoder().decode(joinBytes(pieces));
}

/** Why a file may not have this path within a job's folder, or null: a path of ours never leads out of it. */
export function shippedPathProblem(path: string): string | null {
  const refused = (why: string) => `The path ${JSON.stringify(path.slice(0, 200))} ${why}.`;
  if (path === "") return "A path is empty.";
  if (path.includes("\0") || path.includes("\\") || !path.isWellFormed()) {
    return refused("holds characters that not every system takes");
  }
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return refused("is not relative");
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return refused("has empty or dotted parts");
  }
  const encoder = new TextEncoder();
  if (encoder.encode(path).length > shippedPathBytesMax) return refused("is too long");
  if (parts.some((part) => encoder.encode(part).length > fileNameBytesMax)) {
    return refused("has a part that is too long");
  }
  return `${parts[0]}/` === ownFolder ? refused("lies in a folder of GridLike's own") : null;
}

function decoded<Output>(
  schema: v.GenericSchema<unknown, Output>,
  json: string,
  what: string,
): Output {
  const read = v.safeParse(schema, parsed(json));
  if (read.success) return read.output;
  const [issue] = read.issues;
  const where = v.getDotPath(issue) ?? "the document";
  throw new GridError("malformed", `This is no ${what}: ${where}: ${issue.message}.`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null; // Refused by the schema, in its words.
  }
}

function changedMeanwhile(path: string): GridError {
  return new GridError("malformed", `The file ${path} changed while it was sent. Send it again.`);
}

function tooMany(what: string): GridError {
  const sentence = `The ${what} holds more than ${shippedFileCountMax} files. Pack them into one.`;
  return new GridError("malformed", sentence);
}
