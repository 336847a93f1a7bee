// Runs what a client sent: a command line and the client's files. Only a worker whose owner allowed it has this
// runner, because such a command may do whatever the worker's user may. What came with the job is checked like any
// stranger's bytes; what the command leaves behind, too.

import { assert } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import { joinBytes } from "../../domain/join-bytes.ts";
import { resultBytesMaxDefault } from "../../domain/limits.ts";
import { shippedErrorBytesMax, shippedJsonBytesMax } from "../../protocol/shipped-limits.ts";
import { isDiskFull } from "../../platform/durable-files.ts";
import { bytesOfFile, putFile, type FileStamp } from "../../platform/job-folder.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  decodeCommand,
  readDocument,
  stdinEntry,
  unpackArchive,
  type ShippedCommand,
} from "../../protocol/shipped-command.ts";
import { shorterMs } from "../warm/job-limit.ts";
import { judgeEnd } from "./judge-end.ts";
import { runProgram, type ProgramDeps, type ProgramEnd } from "./run-program.ts";
import type { Assignment, JobBytes, Outcome, Report, Runner } from "../runner.ts";
import { answerPlainly, answerWithOutcome, type EndedCommand } from "./shipped-answer.ts";
import { createTail } from "../warm/tail.ts";

export type ShippedCommandDeps = ProgramDeps & {
  /** What every command finds in its environment beside what it brings and what it is told of the job. */
  readonly environment: { readonly [name: string]: string };
  /** Largest output and largest archive of results. */
  readonly resultBytesMax?: number;
};

export function createShippedCommandRunner(deps: ShippedCommandDeps): Runner {
  const resultBytesMax = deps.resultBytesMax ?? resultBytesMaxDefault;
  return {
    async run(assignment, report, stop) {
      try {
        const shipment = await unpack(assignment);
        const ended = await runCommand(
          { ...deps, resultBytesMax },
          assignment,
          shipment,
          report,
          stop,
        );
        if ("kind" in ended) return ended;
        const answer = shipment.command.answer === "stdout" ? answerPlainly : answerWithOutcome;
        return await answer({ ...shipment, ...ended, resultBytesMax });
      } catch (error) {
        if (isDiskFull(error)) return { kind: "released", why: "no_space" };
        if (!(error instanceof GridError)) throw error;
        return { ...neverRan, info: error.message, retryable: false };
      }
    },
    close: () => Promise.resolve(),
  };
}

type Shipment = {
  readonly command: ShippedCommand;
  readonly directory: string;
  readonly stdin: string | null;
  readonly stampsByPath: ReadonlyMap<string, FileStamp>;
};

async function unpack({ contentType, payload, directory }: Assignment): Promise<Shipment> {
  const stampsByPath = new Map<string, FileStamp>();
  if (contentType === commandMediaType) {
    const command = decodeCommand(new TextDecoder().decode(await smallBytes(payload)));
    return { command, directory, stdin: null, stampsByPath };
  }
  if (contentType !== archiveMediaType) {
    const type = contentType === null ? "without a media type" : `of the type ${contentType}`;
    const sentence = `The payload is ${type}: no shipped command. Submit with gridlike map, or gridlike submit -- COMMAND.`;
    throw new GridError("malformed", sentence);
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
  return { command, directory, stdin, stampsByPath };
}

async function runCommand(
  deps: ShippedCommandDeps & { readonly resultBytesMax: number },
  assignment: Assignment,
  { command, stdin }: Shipment,
  report: Report,
  stop: AbortSignal,
): Promise<EndedCommand | Outcome> {
  const { directory, killAfterMs } = assignment;
  const { clock, resultBytesMax } = deps;
  const timeoutMs = shorterMs(command.timeout_ms ?? null, assignment.timeoutMs);
  const errors = createTail(shippedErrorBytesMax);
  const startedMs = clock.now();
  const beganMs = clock.monotonicMs();
  const program = {
    command: wordsOf(command, assignment.slot),
    environment: { ...deps.environment, ...command.env, ...aboutJob(assignment, command) },
    mark: runVariable,
    folder: command.folder ?? directory,
    input: stdin,
  };
  const ended = await runProgram(
    deps,
    {
      program,
      outputFile: `${directory}/.gridlike-stdout`,
      resultFile: null,
      resultBytesMax,
      timeoutMs,
      killAfterMs,
      onError(bytes) {
        if (command.answer === "stdout") report.log("stderr", bytes);
        else errors.add(bytes);
      },
    },
    stop,
  );
  const end = endOf(ended, command, timeoutMs);
  if (end === null) return judged(ended, { timeoutMs, resultBytesMax });
  const runtimeMs = clock.monotonicMs() - beganMs;
  return { ...end, stderr: new TextEncoder().encode(errors.text()), startedMs, runtimeMs };
}

/** How it ended by itself, or by the limit that it brought along; null when the grid ended it. */
function endOf(ended: ProgramEnd, command: ShippedCommand, timeoutMs: number | null) {
  if (ended.kind === "exited") return { exit: ended.exit, stdout: ended.stdout };
  const isOwnLimit = ended.kind === "timeout" && command.timeout_ms === timeoutMs;
  if (!isOwnLimit || command.answer === "stdout") return null;
  return { exit: { code: null, signal: "SIGTERM" }, stdout: noBytes };
}

function judged(ended: ProgramEnd, limits: Parameters<typeof judgeEnd>[1]): Outcome {
  if (ended.kind === "not-started") {
    // Unlike a command of the owner's it may be wrong itself: then no other worker can start it either.
    const info = `The command cannot be started on this worker (${ended.code}).`;
    return { ...neverRan, info, retryable: true };
  }
  const outcome = judgeEnd(ended, limits);
  assert(outcome !== "done", "a command that exited is answered for by its answer");
  return outcome;
}

const neverRan = { kind: "failed", exitCode: null, signal: null } as const;
const noBytes: JobBytes = { kind: "bytes", bytes: new Uint8Array(0) };

/** Marks the processes of one run; nothing else has the same value. */
const runVariable = "GRIDLIKE_RUN";

function aboutJob(
  { job, attempt, key, type, slot }: Assignment,
  { env: { GRIDLIKE_INDEX: index } }: ShippedCommand,
) {
  return {
    [runVariable]: `${job}.${attempt}`,
    GRIDLIKE_JOB: job,
    GRIDLIKE_ATTEMPT: String(attempt),
    GRIDLIKE_KEY: key,
    GRIDLIKE_TYPE: type,
    GRIDLIKE_SLOT: String(slot),
    // By the names of GNU parallel, which scripts may know.
    PARALLEL_JOBSLOT: String(slot),
    ...(index === undefined ? {} : { PARALLEL_SEQ: index }),
  };
}

function wordsOf({ shell, argv }: ShippedCommand, slot: number): readonly string[] {
  if (argv !== undefined) return argv;
  const text = typeof shell === "string" ? shell : (shell ?? []).join(String(slot));
  return ["/bin/sh", "-c", text];
}

async function* piecesOf(bytes: JobBytes): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.kind === "bytes") yield bytes.bytes;
  else yield* bytesOfFile(bytes.path);
}

async function smallBytes(payload: JobBytes): Promise<Uint8Array> {
  const size = payload.kind === "bytes" ? payload.bytes.length : payload.sizeBytes;
  if (size <= shippedJsonBytesMax) return joinBytes(await Array.fromAsync(piecesOf(payload)));
  const sentence = `The command has ${size} bytes; at most ${shippedJsonBytesMax} are read.`;
  throw new GridError("malformed", sentence);
}
