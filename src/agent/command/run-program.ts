// Runs one program to its end, or ends it: when it is stopped, takes too long, or writes more than it may. Knows
// processes and bytes, nothing of jobs; nothing that the program started runs any more when it answers.

import { assert } from "../../domain/assert.ts";
import { outputCloseMsMax, outputDrainMsMax, treeRoundMs } from "../../domain/limits-worker.ts";
import type { Clock, Timer } from "../../platform/clock.ts";
import { leftAt } from "../../platform/job-files.ts";
import type { Exit, ProcessTrees, Tree, TreeOptions } from "../../platform/process-tree.ts";
import { collectOutput } from "./job-output.ts";
import type { JobBytes } from "../runner.ts";

export type ProgramRun = {
  readonly program: TreeOptions;
  /** Where its output goes when it does not fit into memory. */
  readonly outputFile: string;
  /** The file that it may write its result to, or null. */
  readonly resultFile: string | null;
  readonly resultBytesMax: number;
  readonly timeoutMs: number | null;
  readonly killAfterMs: number;
  /** Gets what it writes to its standard error, as it comes. */
  readonly onError: (bytes: Uint8Array) => void;
};

export type ProgramEnd =
  | { readonly kind: "exited"; readonly exit: Exit; readonly stdout: JobBytes }
  /** `code`: the system's name of why. */
  | { readonly kind: "not-started"; readonly code: string }
  | { readonly kind: Cause };

/** Why a program is ended by us. */
type Cause = "stopped" | "timeout" | "too-large" | "no-space";

export type ProgramDeps = { readonly trees: ProcessTrees; readonly clock: Clock };

export async function runProgram(
  { trees, clock }: ProgramDeps,
  run: ProgramRun,
  stop: AbortSignal,
): Promise<ProgramEnd> {
  if (stop.aborted) return { kind: "stopped" };
  const tree = trees.start(run.program);
  if ("code" in tree) return { kind: "not-started", code: tree.code };
  const halt = createHalt();
  const watch = watchOver(run, clock, stop, halt.set);
  const outputs = Promise.all([
    collect(tree, run, halt.set),
    forward(tree.stderr.pieces, run.onError),
  ]);
  outputs.catch(() => {}); // Told below, when nothing of the tree is left.
  const exit = await Promise.race([tree.exited, halt.reached]);
  watch.cancel(); // Once it has ended by itself, a wish to stop it comes too late.
  if (exit !== null) {
    await within(outputDrainMsMax, Promise.race([outputs, halt.reached]), clock);
    await tree.end();
  } else if (halt.cause() === "stopped" || halt.cause() === "timeout") {
    await tree.terminate(run.killAfterMs);
  } else {
    await tree.end();
  }
  if (!(await within(outputCloseMsMax, outputs, clock))) {
    for (const output of [tree.stdout, tree.stderr]) output.giveUp();
  }
  const [bytes] = await outputs;
  const cause = halt.cause();
  if (cause !== null) return { kind: cause };
  assert(exit !== null && bytes !== null, "a program that nobody ended has ended by itself");
  return { kind: "exited", exit, stdout: bytes };
}

/** The first reason to end the program; later ones are consequences. */
function createHalt() {
  const { promise, resolve } = Promise.withResolvers<null>();
  let first: Cause | null = null;
  return {
    reached: promise,
    cause: (): Cause | null => first,
    set(cause: Cause): void {
      first ??= cause;
      resolve(null);
    },
  };
}

/** Looks out for what ends a program from outside, until cancelled. */
function watchOver(
  { timeoutMs, resultFile, resultBytesMax }: ProgramRun,
  clock: Clock,
  stop: AbortSignal,
  halt: (cause: Cause) => void,
): Timer {
  const onStop = () => halt("stopped");
  stop.addEventListener("abort", onStop, { once: true });
  const untilMs = timeoutMs === null ? Infinity : clock.monotonicMs() + timeoutMs;
  const look = () => {
    if (clock.monotonicMs() >= untilMs) return halt("timeout");
    if (resultFile !== null) {
      const left = leftAt(resultFile);
      if (left.kind === "file" && left.sizeBytes > resultBytesMax) return halt("too-large");
    }
    timer = clock.after(nextLookMs(), look);
  };
  const nextLookMs = () => Math.min(treeRoundMs, untilMs - clock.monotonicMs());
  let timer = clock.after(nextLookMs(), look);
  return {
    cancel() {
      timer.cancel();
      stop.removeEventListener("abort", onStop);
    },
  };
}

async function collect(
  tree: Tree,
  { outputFile, resultBytesMax }: ProgramRun,
  halt: (cause: Cause) => void,
): Promise<JobBytes | null> {
  const limits = { file: outputFile, bytesMax: resultBytesMax };
  const collected = await collectOutput(tree.stdout.pieces, limits);
  if (collected.kind === "whole") return collected.bytes;
  halt(collected.kind);
  return null;
}

async function forward(
  pieces: AsyncIterable<Uint8Array>,
  to: (bytes: Uint8Array) => void,
): Promise<void> {
  for await (const piece of pieces) to(piece);
}

/** True when the promise was settled in time, either way. */
function within(ms: number, settles: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false));
    const settled = () => {
      timer.cancel();
      resolve(true);
    };
    settles.then(settled, settled);
  });
}
