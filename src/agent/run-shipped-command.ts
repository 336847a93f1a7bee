// Runs what a client sent: a command line and the client's files. Only a worker whose owner allowed it has this
// runner, because such a command may do whatever the worker's user may. What came with the job is checked like any
// stranger's bytes; what the command leaves behind, too.

import { GridError } from "../domain/errors.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import {
  resultBytesMaxDefault,
  shippedErrorBytesMax,
  shippedFileCountMax,
  shippedJsonBytesMax,
  shippedOutputBytesMax,
} from "../domain/limits.ts";
import { isDiskFull } from "../platform/durable-files.ts";
import { bytesOfFile, filesBelow, fitsPattern, putFile } from "../platform/job-folder.ts";
import type { FileStamp, FoundFile } from "../platform/job-folder.ts";
import { writeScratch } from "../platform/scratch-file.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  decodeCommand,
  outcomeEntry,
  outcomeMediaType,
  packArchive,
  readDocument,
  shippedPathProblem,
  stderrEntry,
  stdinEntry,
  stdoutEntry,
  unpackArchive,
  type ShippedCommand,
  type ShippedFile,
  type ShippedOutcome,
} from "../protocol/shipped-command.ts";
import { endOfCommand, type CommandEnd } from "./end-of-command.ts";
import { runProgram, type ProgramDeps } from "./run-program.ts";
import type { Assignment, JobBytes, Outcome, Report, Runner } from "./runner.ts";
import { createTail } from "./tail.ts";

export type ShippedCommandDeps = ProgramDeps & {
  /** What every command finds in its environment beside what it brings and what it is told of the job. */
  readonly environment: { readonly [name: string]: string };
  /** Largest output and largest archive of results. */
  readonly resultBytesMax?: number;
};

export function createShippedCommandRunner(deps: ShippedCommandDeps): Runner {
  return {
    async run(assignment, report, stop) {
      try {
        const shipment = await unpack(assignment);
        const { command } = shipment;
        const run = await runCommand(deps, assignment, shipment, report, stop);
        if (!("end" in run)) return run;
        return command.answer === "stdout"
          ? await answerPlainly(deps, assignment, shipment, run)
          : await answerWithOutcome(deps, assignment, shipment, run);
      } catch (error) {
        if (isDiskFull(error)) return { kind: "released", why: "no_space" };
        if (!(error instanceof GridError)) throw error;
        return notRun(error.message);
      }
    },
    close: () => Promise.resolve(),
  };
}

type Shipment = {
  readonly command: ShippedCommand;
  readonly stdin: string | null;
  readonly stampsByPath: ReadonlyMap<string, FileStamp>;
};

async function unpack(assignment: Assignment): Promise<Shipment> {
  const { contentType, payload, directory } = assignment;
  const stampsByPath = new Map<string, FileStamp>();
  if (contentType === commandMediaType) {
    const command = decodeCommand(new TextDecoder().decode(await smallBytes(payload)));
    return { command, stdin: null, stampsByPath };
  }
  if (contentType !== archiveMediaType) {
    const type = contentType === null ? "without a media type" : `of the type ${contentType}`;
    throw new GridError(
      "malformed",
      `The payload is ${type}: no shipped command. Submit with gridlike map, or gridlike submit -- COMMAND.`,
    );
  }
  const what = "shipped command";
  const items = unpackArchive(piecesOf(payload), [commandEntry, stdinEntry], what);
  const first = await items.next();
  const command = decodeCommand(await readDocument(first.value ?? undefined, commandEntry));
  for await (const { name, isExecutable, bytes } of items) {
    if (stampsByPath.has(name))
      throw new GridError("malformed", `The payload holds ${name} twice.`);
    stampsByPath.set(name, await putFile(directory, name, isExecutable, bytes));
  }
  const stdin = stampsByPath.has(stdinEntry) ? `${directory}/${stdinEntry}` : null;
  return { command, stdin, stampsByPath };
}

type Run = {
  readonly end: CommandEnd;
  readonly stdout: JobBytes;
  readonly stderr: Uint8Array;
  readonly startedMs: number;
  readonly runtimeMs: number;
};

async function runCommand(
  deps: ShippedCommandDeps,
  assignment: Assignment,
  { command, stdin }: Shipment,
  report: Report,
  stop: AbortSignal,
): Promise<Run | Outcome> {
  const { directory, timeoutMs, killAfterMs } = assignment;
  const { clock } = deps;
  const errors = createTail(shippedErrorBytesMax);
  const startedMs = clock.now();
  const beganMs = clock.monotonicMs();
  const ended = await runProgram(
    deps,
    {
      program: {
        command: wordsOf(command, assignment.slot),
        environment: { ...deps.environment, ...command.env, ...aboutJob(assignment) },
        mark: runVariable,
        folder: command.folder ?? directory,
        input: stdin,
      },
      outputFile: `${directory}/.gridlike-stdout`,
      resultFile: null,
      resultBytesMax: deps.resultBytesMax ?? resultBytesMaxDefault,
      timeoutMs: command.timeout_ms ?? timeoutMs,
      killAfterMs,
      onError(bytes) {
        if (command.answer === "stdout") report.log("stderr", bytes);
        else errors.add(bytes);
      },
    },
    stop,
  );
  const judged = endOfCommand(ended, command);
  if ("kind" in judged) return judged;
  return {
    end: judged,
    stdout: judged.stdout,
    stderr: new TextEncoder().encode(errors.text()),
    startedMs,
    runtimeMs: clock.monotonicMs() - beganMs,
  };
}

/** Marks the processes of one run; nothing else has the same value. */
const runVariable = "GRIDLIKE_RUN";

function aboutJob({ job, attempt, key, type, slot }: Assignment) {
  return {
    [runVariable]: `${job}.${attempt}`,
    GRIDLIKE_JOB: job,
    GRIDLIKE_ATTEMPT: String(attempt),
    GRIDLIKE_KEY: key,
    GRIDLIKE_TYPE: type,
    GRIDLIKE_SLOT: String(slot),
    PARALLEL_JOBSLOT: String(slot),
  };
}

function wordsOf({ shell, argv }: ShippedCommand, slot: number): readonly string[] {
  if (argv !== undefined) return argv;
  const text = typeof shell === "string" ? shell : (shell ?? []).join(String(slot));
  return ["/bin/sh", "-c", text];
}

/** As of a command of the worker's owner: its output is the result, and its failure the job's. */
async function answerPlainly(
  deps: ShippedCommandDeps,
  assignment: Assignment,
  shipment: Shipment,
  { end, stdout }: Run,
): Promise<Outcome> {
  if (end.exitCode !== 0) {
    const info =
      end.signal === null
        ? `The command ended with exit code ${end.exitCode}.`
        : `The command was ended by ${end.signal}.`;
    const retryable = end.exitCode !== finalExitCode;
    return { kind: "failed", info, exitCode: end.exitCode, signal: end.signal, retryable };
  }
  const files = await returnedFiles(assignment, shipment);
  if (files.length === 0 && shipment.command.returns.length === 0) {
    return { kind: "done", result: stdout, contentType: null };
  }
  return archive(deps, assignment, null, [bytesAs(stdoutEntry, stdout), ...files]);
}

/** However it ended, the job is done: whoever asked wants to know how, and what it said. */
async function answerWithOutcome(
  deps: ShippedCommandDeps,
  assignment: Assignment,
  shipment: Shipment,
  { end, stdout, stderr, startedMs, runtimeMs }: Run,
): Promise<Outcome> {
  const outcome: ShippedOutcome = {
    version: 1,
    exit_code: end.exitCode,
    signal: end.signal,
    started_ms: startedMs,
    runtime_ms: Math.round(runtimeMs * 1000) / 1000,
    stdout: "",
    stderr: "",
  };
  const files = await returnedFiles(assignment, shipment);
  if (files.length === 0 && stdout.kind === "bytes") {
    const small = asDocument(outcome, stdout.bytes, stderr);
    if (small !== null) return small;
  }
  const json = JSON.stringify(outcome);
  const errors = { kind: "bytes", bytes: stderr } as const;
  const said = [bytesAs(stdoutEntry, stdout), bytesAs(stderrEntry, errors)];
  return archive(deps, assignment, { name: outcomeEntry, json }, [...said, ...files]);
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

/** The files that the command asked to have back. */
async function returnedFiles(
  { directory }: Assignment,
  { command, stampsByPath }: Shipment,
): Promise<readonly ShippedFile[]> {
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
  { resultBytesMax = resultBytesMaxDefault }: ShippedCommandDeps,
  { directory }: Assignment,
  document: { readonly name: string; readonly json: string } | null,
  files: readonly ShippedFile[],
): Promise<Outcome> {
  const path = `${directory}/.gridlike-result`;
  let sizeBytes = 0;
  await writeScratch(
    path,
    (async function* () {
      for await (const piece of packArchive(document, files)) {
        sizeBytes += piece.length;
        if (sizeBytes > resultBytesMax) throw tooLarge(resultBytesMax);
        yield piece;
      }
    })(),
  );
  return { kind: "done", result: { kind: "file", path, sizeBytes }, contentType: archiveMediaType };
}

function bytesAs(path: string, from: JobBytes): ShippedFile {
  const size = from.kind === "bytes" ? from.bytes.length : from.sizeBytes;
  return { path, size, isExecutable: false, modifiedAt: 0, open: () => piecesOf(from) };
}

async function* piecesOf(bytes: JobBytes): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.kind === "bytes") yield bytes.bytes;
  else yield* bytesOfFile(bytes.path);
}

async function smallBytes(payload: JobBytes): Promise<Uint8Array> {
  const size = payload.kind === "bytes" ? payload.bytes.length : payload.sizeBytes;
  if (size > shippedJsonBytesMax) {
    throw new GridError(
      "malformed",
      `The command has ${size} bytes; at most ${shippedJsonBytesMax} are read.`,
    );
  }
  return joinBytes(await Array.fromAsync(piecesOf(payload)));
}

/** The exit code by which a command says that another try is of no use. */
const finalExitCode = 86;

function notRun(info: string): Outcome {
  return { kind: "failed", info, exitCode: null, signal: null, retryable: false };
}

function tooManyFiles(): GridError {
  const sentence = `The command left more than ${shippedFileCountMax} files to return. Pack them into one.`;
  return new GridError("malformed", sentence);
}

function tooLarge(bytesMax: number): GridError {
  return new GridError("malformed", `What the command returns has more than ${bytesMax} bytes.`);
}
