// Runs the command of the machine's owner for every job: the payload on its standard input, or as a file where its
// words say {payload}; its standard output, or the file $GRIDLIKE_RESULT, is the result. No shell reads the words,
// and nothing of a job but a path of ours ever becomes one.

import { assert, unreachable } from "../../domain/assert.ts";
import { resultMemoryBytesMax } from "../../domain/limits-worker.ts";
import { isDiskFull } from "../../platform/durable-files.ts";
import { leftAt, makeJobFile, makeJobFolder, readJobFile } from "../../platform/job-files.ts";
import type { Log } from "../../platform/log.ts";
import type { JobDoor } from "../job-door.ts";
import { jobEnvironment, type Environment } from "./job-environment.ts";
import { failed, judgeEnd, tooLarge } from "./judge-end.ts";
import { runProgram, type ProgramDeps, type ProgramEnd } from "./run-program.ts";
import type { Assignment, JobBytes, Outcome, Report, Runner } from "../runner.ts";

export type CommandDeps = ProgramDeps & {
  /** As `checkCommand` gave it back. */
  readonly command: readonly string[];
  /** What each job's program finds in its environment beside what it is told of the job. */
  readonly environment: Environment;
  readonly door: JobDoor;
  readonly resultBytesMax: number;
  readonly log: Log;
};

export function createRunCommand(deps: CommandDeps): Runner {
  return {
    run: (assignment, report, stop) => runJob(deps, assignment, report, stop),
    close: () => Promise.resolve(),
  };
}

/** Stands for the path of the payload in the words of a command. */
const payloadWord = "{payload}";

async function runJob(
  deps: CommandDeps,
  assignment: Assignment,
  report: Report,
  stop: AbortSignal,
): Promise<Outcome> {
  const { command, environment, door, resultBytesMax, log } = deps;
  const { job, directory, timeoutMs, killAfterMs } = assignment;
  const files = makeFiles(assignment);
  if (files === "no-space") return { kind: "released", why: "no_space" };
  const pass = door.open(report);
  let isErrorSilent = true;
  try {
    const [program = "", ...words] = command;
    const takesFile = words.some((word) => word.includes(payloadWord));
    const run = {
      program: {
        command: [program, ...words.map((word) => word.split(payloadWord).join(files.payload))],
        environment: jobEnvironment(environment, assignment, { ...files, api: pass.url }),
        mark: "GRIDLIKE_API", // Nobody else has this address.
        folder: directory,
        input: takesFile ? null : files.payload,
      },
      outputFile: files.output,
      resultFile: files.result,
      resultBytesMax,
      timeoutMs,
      killAfterMs,
      onError(bytes: Uint8Array) {
        isErrorSilent = false;
        report.log("stderr", bytes);
      },
    };
    const end = await runProgram(deps, run, stop);
    if (end.kind === "not-started") log.warn("job.not-started", { job, program, code: end.code });
    const judged = judgeEnd(end, { timeoutMs, resultBytesMax });
    const chosen = judged === "done" ? resultOf(end, files.result, resultBytesMax) : judged;
    if (isErrorSilent || chosen.kind === "done") tellOutput(end, chosen, report);
    return chosen;
  } finally {
    pass.close();
  }
}

type JobFiles = {
  readonly payload: string;
  readonly result: string;
  /** Where standard output goes when it is large. */
  readonly output: string;
};

/** In a folder of their own within the job's, so that a program that packs up its folder does not find them. */
function makeFiles({ directory, payload }: Assignment): JobFiles | "no-space" {
  const own = `${directory}/.gridlike`;
  const files = { result: `${own}/result`, output: `${own}/stdout` };
  try {
    makeJobFolder(own);
    if (payload.kind === "file") return { ...files, payload: payload.path };
    makeJobFile(`${own}/payload`, payload.bytes);
    return { ...files, payload: `${own}/payload` };
  } catch (error) {
    if (isDiskFull(error)) return "no-space";
    throw error;
  }
}

/** The result of a program that ended well: the file that it wrote, if it wrote one. */
function resultOf(end: ProgramEnd, resultFile: string, bytesMax: number): Outcome {
  assert(end.kind === "exited", "only a program that ended by itself has a result");
  const left = leftAt(resultFile);
  switch (left.kind) {
    case "nothing":
      return done(end.stdout);
    case "file":
      if (left.sizeBytes > bytesMax) return failed(tooLarge(bytesMax));
      return left.sizeBytes > resultMemoryBytesMax
        ? done({ kind: "file", path: resultFile, sizeBytes: left.sizeBytes })
        : done({ kind: "bytes", bytes: readJobFile(resultFile) });
    case "other":
      return failed(
        "What the program left at $GRIDLIKE_RESULT is no plain file. Write the result itself there, not a link or a folder.",
      );
    default:
      return unreachable(left);
  }
}

function done(result: JobBytes): Outcome {
  return { kind: "done", result, contentType: null };
}

/** Standard output is for people where it is no result: beside a file, or as all that tells of a failure. */
function tellOutput(end: ProgramEnd, outcome: Outcome, report: Report): void {
  if (end.kind !== "exited" || end.stdout.kind !== "bytes" || end.stdout.bytes.length === 0) return;
  if (outcome.kind === "done" && outcome.result === end.stdout) return;
  report.log("stdout", end.stdout.bytes);
}
