// A program that is started once and kept: its output as it comes, how it ended, and its end with all that it
// started. What it is for, and whether it is started again, is decided by others.

import { lastWordsBytesMax, outputAfterEndMs } from "../../domain/limits-worker.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { ProcessTrees } from "../../platform/process-tree.ts";
import type { Output } from "../../platform/program-output.ts";
import type { Random } from "../../platform/random.ts";
import type { Environment } from "../command/job-environment.ts";
import { createTail } from "./tail.ts";

/** What every runner of warm programs needs. One `trees` for the whole process. */
export type WarmDeps = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly trees: ProcessTrees;
  /** What every program finds in its environment, as `machineEnvironment` makes it. */
  readonly environment: Environment;
  readonly resultBytesMax: number;
};

export type WarmProgram = {
  /** A path, and its words. */
  readonly command: readonly string[];
  readonly folder: string;
  /** On top of what every program finds. */
  readonly env: { readonly [name: string]: string };
  /** The file that is its standard input; null is an empty one. */
  readonly input: string | null;
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  /** What it says on a channel of its own: for scripts of this very runtime. */
  readonly onMessage?: (message: unknown) => void;
};

export type ProcessEnd = { readonly exitCode: number | null; readonly signal: string | null };

export type WarmProcess = {
  readonly pid: number;
  /** Resolves when nothing of it runs any more and its output was handed over. */
  readonly ended: Promise<ProcessEnd>;
  hasEnded(): boolean;
  /** The last lines of its standard error. */
  lastWords(): string;
  /** Does nothing when it has ended. */
  send(message: unknown): void;
  /** Asks it to end, kills it after so long; resolves as `ended` does. May be called twice. */
  end(killAfterMs: number): Promise<ProcessEnd>;
};

/** By it the system's list of processes tells which ones belong to which program. */
const mark = "GRIDLIKE_WARM";

/** The running program, or why it was not started as the system names it, such as ENOENT. */
export function startProcess(program: WarmProgram, deps: WarmDeps): WarmProcess | string {
  const { clock, random, trees, environment } = deps;
  const words = createTail(lastWordsBytesMax);
  const tree = trees.start({
    ...program,
    mark,
    environment: { ...environment, ...program.env, [mark]: random.bytes(16).toHex() },
  });
  if ("code" in tree) return tree.code;
  const outputs = [tree.stdout, tree.stderr];
  const handedOver = Promise.all([
    handOver(tree.stdout, (bytes) => program.onOutput("stdout", bytes)),
    handOver(tree.stderr, (bytes) => {
      words.add(bytes);
      program.onOutput("stderr", bytes);
    }),
  ]);
  let hasEnded = false;
  const ended = (async () => {
    const { code, signal } = await tree.exited;
    hasEnded = true;
    await tree.end(); // What it started and left behind.
    const late = clock.after(outputAfterEndMs, () => outputs.forEach((output) => output.giveUp()));
    await handedOver;
    late.cancel();
    return { exitCode: code, signal };
  })();
  return {
    pid: tree.pid,
    ended,
    hasEnded: () => hasEnded,
    lastWords: () => words.text().trim(),
    send(message) {
      if (!hasEnded) tree.send(message);
    },
    async end(killAfterMs) {
      if (!hasEnded) await tree.terminate(killAfterMs);
      return ended;
    },
  };
}

async function handOver(output: Output, to: (bytes: Uint8Array) => void): Promise<void> {
  for await (const piece of output.pieces) to(piece);
}

/** `ended with exit code 3` or `was ended by SIGKILL`, to go on a sentence. */
export function endInWords({ exitCode, signal }: ProcessEnd): string {
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}

/** Its last words as a sentence of their own; nothing when it said none. */
export function wordsInWords(words: string): string {
  return words === "" ? "" : ` Its last words: ${words}`;
}
