// Runs jobs by JavaScript and TypeScript functions in a folder, one file for each type. Functions are kept loaded, in
// processes of their own, so that a call costs a message and not a start; function-host.ts tells how they are called.

import { assert, unreachable } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import { crashNoticeMs, warmStartMsMax } from "../../domain/limits-worker.ts";
import { frameBodyBytesMax, warmInstanceCountMax } from "../../domain/limits.ts";
import { wholePath } from "../../platform/find-file.ts";
import { createFunctionCatalogue } from "./function-catalogue.ts";
import type { FoundFunction } from "./function-catalogue.ts";
import { startFunctionProcess } from "./function-process.ts";
import type { HostAnswer } from "./function-process.ts";
import { createFunctionSeats } from "./function-seats.ts";
import type { HostAsk, HostListing } from "./host-messages.ts";
import { limitJob, shorterMs, withinMs } from "../warm/job-limit.ts";
import type { JobLimit } from "../warm/job-limit.ts";
import { failed, tooLarge } from "../command/judge-end.ts";
import type { Assignment, Outcome, Report } from "../runner.ts";
import { resultPath } from "../warm/take-result.ts";
import type { WarmDeps } from "../warm/warm-process.ts";
import type { WarmRunner } from "../warm/warm-runner.ts";

export type FunctionOptions = {
  readonly kind: "functions";
  readonly folder: string;
  /** Processes for each file: so many jobs of a type run at one time. */
  readonly instances: number;
  /** What functions find in their environment, beside TASK_PATH and TASK_INSTANCE. */
  readonly env: { readonly [name: string]: string };
  /** Longest run of a job, if that is shorter than the job's own; null or left out: no bound here. */
  readonly timeoutMs?: number | null;
  /** A process that uses more is ended; null or left out: no bound. */
  readonly memoryBytesMax?: number | null;
};

export type FunctionRunner = WarmRunner & {
  /**
   * All types that the folder serves: its files, the functions that they export, the plugins in them. Loads each file
   * once, in a process of its own. Throws `malformed` when two files are for one type.
   */
  types(): Promise<readonly string[]>;
};

/** Starts nothing yet: processes are started for the first jobs. */
export function createFunctionRunner(options: FunctionOptions, deps: WarmDeps): FunctionRunner {
  const { instances, env, timeoutMs = null, memoryBytesMax = null } = options;
  if (instances < 1 || instances > warmInstanceCountMax) {
    const sentence = `Functions cannot have ${instances} instances. Ask for 1 to ${warmInstanceCountMax}.`;
    throw new GridError("malformed", sentence);
  }
  const folder = wholePath(options.folder);
  const seats = createFunctionSeats({ folder, instances, env, memoryBytesMax }, deps);
  const catalogue = createFunctionCatalogue(folder, list);

  async function list(file: string): Promise<HostListing | string> {
    const program = { file, folder, env, memoryBytesMax, onOutput: () => {} };
    const started = await startFunctionProcess(program, deps);
    if (typeof started === "string") return started;
    const asked = started.ask({ op: "list", file }, silent);
    const said = await withinMs(asked, warmStartMsMax, deps.clock);
    await started.end(crashNoticeMs);
    if (said?.op !== "listed") return `${file} was not loaded in time, or ended its process.`;
    if (said.problem !== null) {
      deps.log.warn("function.unloadable", { file, problem: said.problem });
    }
    return said;
  }

  async function run(job: Assignment, report: Report, stop: AbortSignal): Promise<Outcome> {
    if (stop.aborted) return { kind: "stopped" };
    const found = await catalogue.find(job.type);
    if (typeof found === "string") return failed(found);
    const stopped = limitJob(null, stop, deps.clock);
    const seat = await seats.take(found.file, found.name, stopped);
    stopped.lift();
    if (typeof seat === "string") return failed(seat);
    if (seat === null) return stop.aborted ? { kind: "stopped" } : preempted;
    const limitMs = shorterMs(job.timeoutMs, timeoutMs);
    const limit = limitJob(limitMs, stop, deps.clock);
    const asked = seat.host.ask(askFor(job, found, limitMs), report);
    const answer = await Promise.race([asked, limit.reached]);
    limit.lift();
    if (answer === undefined) {
      await seat.host.end(job.killAfterMs);
      await asked;
    }
    if (answer?.op === "done") seat.countDone();
    seat.leave();
    if (answer === undefined) return afterLimit(limit, limitMs);
    return isClosed ? preempted : outcomeOf(answer, deps.resultBytesMax);
  }

  let isClosed = false;
  return {
    run,
    types: catalogue.types,
    stats: seats.facts,
    output: seats.output,
    async close() {
      isClosed = true;
      await seats.close();
    },
  };
}

const preempted: Outcome = { kind: "released", why: "preempted" };
const silent: Report = { progress: () => {}, log: () => {} };

function askFor(
  job: Assignment,
  { file, handler }: FoundFunction,
  limitMs: number | null,
): HostAsk {
  const { payload, directory } = job;
  return {
    op: "run",
    file,
    handler,
    facts: {
      job: job.job,
      key: job.key,
      type: job.type,
      attempt: job.attempt,
      priority: job.priority,
      description: job.description,
      contentType: job.contentType,
      directory,
      slot: job.slot,
    },
    payload: payload.kind === "bytes" ? payload.bytes : { path: payload.path },
    limitMs,
    inlineBytesMax: frameBodyBytesMax,
    resultPath: resultPath(directory),
  };
}

function afterLimit(limit: JobLimit, limitMs: number | null): Outcome {
  if (limit.fired() === "stop") return { kind: "stopped" };
  const seconds = (limitMs ?? 0) / 1000;
  return failed(`The function ran for longer than its limit of ${seconds} s, and was ended.`);
}

function outcomeOf(answer: HostAnswer, resultBytesMax: number): Outcome {
  assert(answer.op !== "listed", "who asks for a run gets no listing");
  switch (answer.op) {
    case "done": {
      const { result, contentType } = answer;
      if (result instanceof Uint8Array) {
        return { kind: "done", result: { kind: "bytes", bytes: result }, contentType };
      }
      if (result.sizeBytes > resultBytesMax) return failed(tooLarge(resultBytesMax));
      return { kind: "done", result: { kind: "file", ...result }, contentType };
    }
    case "failed":
      // A folder that takes no bytes is full, or on a disk that is.
      if (answer.writeError !== null) return { kind: "released", why: "no_space" };
      return { ...failed(answer.info), retryable: answer.retryable };
    case "ended":
      return { ...failed(answer.info), exitCode: answer.exitCode, signal: answer.signal };
    default:
      return unreachable(answer);
  }
}
