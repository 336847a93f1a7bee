// What is told of a shipped command that has ended: its output as it is, a small outcome, or an archive with the files
// that were asked for. Nothing is followed that the command left as a link.

import { GridError } from "../../domain/errors.ts";
import { shippedFileCountMax, shippedOutputBytesMax } from "../../protocol/shipped-limits.ts";
import { bytesOfFile, filesBelow, fitsPattern } from "../../platform/job-folder.ts";
import type { FileStamp, FoundFile } from "../../platform/job-folder.ts";
import type { Exit } from "../../platform/process-tree.ts";
import { writeScratch } from "../../platform/scratch-file.ts";
import {
  archiveMediaType,
  outcomeEntry,
  outcomeMediaType,
  packArchive,
  shippedPathProblem,
  stderrEntry,
  stdoutEntry,
  type ShippedCommand,
  type ShippedFile,
  type ShippedOutcome,
} from "../../protocol/shipped-command.ts";
import { judgeEnd } from "./judge-end.ts";
import type { JobBytes, Outcome } from "../runner.ts";

/** A command that ran to an end. */
export type EndedCommand = {
  readonly exit: Exit;
  readonly stdout: JobBytes;
  readonly stderr: Uint8Array;
  readonly startedMs: number;
  readonly runtimeMs: number;
};

export type Answering = EndedCommand & {
  readonly command: ShippedCommand;
  /** Where it ran, and where the answer is put. */
  readonly directory: string;
  /** What came along, by path. */
  readonly stampsByPath: ReadonlyMap<string, FileStamp>;
  readonly resultBytesMax: number;
};

/** As of a command of the worker's owner: its output is the result, and its failure the job's. */
export async function answerPlainly(answering: Answering): Promise<Outcome> {
  const { exit, stdout, command, resultBytesMax } = answering;
  const judged = judgeEnd({ kind: "exited", exit, stdout }, { timeoutMs: null, resultBytesMax });
  if (judged !== "done") return judged;
  if (command.returns.length === 0) return { kind: "done", result: stdout, contentType: null };
  const files = await returnedFiles(answering);
  return archive(answering, null, [bytesAs(stdoutEntry, stdout), ...files]);
}

/** However it ended, the job is done: whoever asked wants to know how, and what it said. */
export async function answerWithOutcome(answering: Answering): Promise<Outcome> {
  const { exit, stdout, stderr, startedMs, runtimeMs } = answering;
  const outcome: ShippedOutcome = {
    version: 1,
    exit_code: exit.code,
    signal: exit.signal,
    started_ms: startedMs,
    runtime_ms: Math.round(runtimeMs * 1000) / 1000,
    stdout: "",
    stderr: "",
  };
  const files = await returnedFiles(answering);
  if (files.length === 0 && stdout.kind === "bytes") {
    const small = asDocument(outcome, stdout.bytes, stderr);
    if (small !== null) return small;
  }
  const said = [
    bytesAs(stdoutEntry, stdout),
    bytesAs(stderrEntry, { kind: "bytes", bytes: stderr }),
  ];
  const document = { name: outcomeEntry, json: JSON.stringify(outcome) };
  return archive(answering, document, [...said, ...files]);
}

/** Null where what it wrote is too long, or no text. */
function asDocument(
  outcome: ShippedOutcome,
  stdout: Uint8Array,
  stderr: Uint8Array,
): Outcome | null {
  if (stdout.length + stderr.length > shippedOutputBytesMax) return null;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const whole = { ...outcome, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    const bytes = new TextEncoder().encode(JSON.stringify(whole));
    return { kind: "done", result: { kind: "bytes", bytes }, contentType: outcomeMediaType };
  } catch {
    return null; // Bytes that are no UTF-8 travel as they are.
  }
}

/** The files that the command asked to have back; none where it ran in a folder that is not the job's. */
async function returnedFiles(answering: Answering): Promise<readonly ShippedFile[]> {
  const { command, directory, stampsByPath } = answering;
  const { returns, folder } = command;
  if (returns.length === 0 || folder !== undefined) return [];
  const isWanted = (found: FoundFile) =>
    returns === "changed"
      ? stampsByPath.get(found.path) !== found.stamp
      : returns.some((pattern) => fitsPattern(found.path, pattern));
  // What begins with a dot is never meant by "all that is new": programs hide what is theirs there.
  const isSeen = (path: string) =>
    returns === "changed" ? !/(?:^|\/)\./.test(path) : !/^\.gridlike(?:[-/]|$)/.test(path);
  const files: ShippedFile[] = [];
  for await (const found of filesBelow(directory, isSeen)) {
    if (!isWanted(found) || shippedPathProblem(found.path) !== null) continue;
    if (files.length === shippedFileCountMax) throw tooManyFiles();
    files.push({ ...found, open: () => bytesOfFile(`${directory}/${found.path}`) });
  }
  return files;
}

async function archive(
  { directory, resultBytesMax }: Answering,
  document: { readonly name: string; readonly json: string } | null,
  files: readonly ShippedFile[],
): Promise<Outcome> {
  const path = `${directory}/.gridlike-result`;
  let sizeBytes = 0;
  async function* bounded() {
    for await (const piece of packArchive(document, files)) {
      sizeBytes += piece.length;
      if (sizeBytes > resultBytesMax) throw tooLarge(resultBytesMax);
      yield piece;
    }
  }
  await writeScratch(path, bounded());
  return { kind: "done", result: { kind: "file", path, sizeBytes }, contentType: archiveMediaType };
}

function bytesAs(path: string, from: JobBytes): ShippedFile {
  const size = from.kind === "bytes" ? from.bytes.length : from.sizeBytes;
  async function* open() {
    if (from.kind === "bytes") yield from.bytes;
    else yield* bytesOfFile(from.path);
  }
  return { path, size, isExecutable: false, modifiedAt: 0, open };
}

function tooManyFiles(): GridError {
  const sentence = `The command left more than ${shippedFileCountMax} files to return. Pack them into one.`;
  return new GridError("malformed", sentence);
}

function tooLarge(bytesMax: number): GridError {
  return new GridError("malformed", `What the command returns has more than ${bytesMax} bytes.`);
}
