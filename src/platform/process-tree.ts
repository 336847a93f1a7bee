// A program and everything that it starts: begun in a session of its own, ended as a whole. On Linux that includes
// daemons that left the session; elsewhere those that did so on purpose are not found. Whoever else starts a program
// in a session of its own must do it here, or it may be taken for such a daemon.

import { closeSync, openSync } from "node:fs";
import {
  jobOpenFilesDefault,
  killedMsMax,
  treeLookMsFirst,
  treeLookMsMax,
} from "../domain/limits.ts";
import { treeRoundMs } from "../domain/limits-worker.ts";
import { assert } from "../domain/assert.ts";
import type { Clock, Timer } from "./clock.ts";
import { errorCodeOf } from "./durable-files.ts";
import { createOrphans, noOrphans, type Orphans } from "./orphans.ts";
import { outputOf, type Output } from "./program-output.ts";
import { systemCalls, type Pipe, type SystemCalls } from "./system-calls.ts";

export type TreeOptions = {
  /** The program, as a path, and its words. No shell reads them. */
  readonly command: readonly string[];
  /** All of it: nothing is inherited. */
  readonly environment: { readonly [name: string]: string };
  /** The name of a variable whose value no other tree has: by it the processes of this one are known. */
  readonly mark: string;
  readonly folder: string;
  /** The file to read as standard input; null is an empty one. */
  readonly input: string | null;
  /** For scripts of this very runtime: gets what they say on a channel of their own. Left out, there is none. */
  readonly onMessage?: (message: unknown) => void;
};

/** How the program itself ended: a code, or the signal that killed it. */
export type Exit = { readonly code: number | null; readonly signal: string | null };

export type Tree = {
  readonly pid: number;
  /** Both must be read, or given up. */
  readonly stdout: Output;
  readonly stderr: Output;
  /** The program itself has ended; what it started may still run. */
  readonly exited: Promise<Exit>;
  /** Asks all to end, kills after `patienceMs` what did not. Resolves when none is left. */
  terminate(patienceMs: number): Promise<Ended>;
  /** Kills all that is left. Resolves when none is: at once when there was none. */
  end(): Promise<Ended>;
  /** Says something on the channel of a program that has one. */
  send(message: unknown): void;
};

/** "stuck": the system did not let go of a killed process, as happens with broken disks. */
export type Ended = "gone" | "stuck";

/** `code`: the system's name of why nothing was started, such as ENOENT. */
export type StartedTree = Tree | { readonly code: string };

export type ProcessTrees = { start(options: TreeOptions): StartedTree };

/** One for all: the orphans of one maker of trees are no strangers to another. */
let sharedOrphans: Orphans | null = null;

/** `calls`: null does without what only Linux has. Left out, it is used where it is there. */
export function createProcessTrees(deps: {
  readonly clock: Clock;
  readonly calls?: null;
}): ProcessTrees {
  const { clock } = deps;
  const calls = deps.calls === undefined ? systemCalls() : null;
  const orphans = calls === null ? noOrphans : (sharedOrphans ??= createOrphans(calls));
  let runningCount = 0;
  let round: Timer | null = null;

  // Dead orphans of jobs that run for long would fill the table of processes.
  const bury = () => {
    orphans.of("");
    round = runningCount > 0 ? clock.after(treeRoundMs, bury) : null;
  };
  return {
    start(options) {
      const mark = markOf(options);
      const started = spawn(options, calls);
      if ("code" in started) return started;
      const { child, stdout, stderr } = started;
      orphans.born(mark, child.pid);
      runningCount += 1;
      round ??= clock.after(treeRoundMs, bury);
      let isOver = false;
      const exited = child.exited.then(() => {
        orphans.parentEnded(child.pid);
        return exitOf(child);
      });
      const family = familyOf(child, () => orphans.of(mark));
      const end = async () => {
        const ended = await killed(family, clock);
        if (!isOver) {
          isOver = true;
          orphans.over(mark);
          runningCount -= 1;
          if (runningCount === 0) {
            round?.cancel();
            round = null;
          }
        }
        return ended;
      };
      const terminate = async (patienceMs: number) => {
        family.signal("SIGTERM");
        family.signal("SIGCONT"); // One that was stopped hears nothing else.
        await gone(family, clock, patienceMs);
        return end();
      };
      const send = (message: unknown) => child.send(message);
      return { pid: child.pid, stdout, stderr, exited, terminate, end, send };
    },
  };
}

function markOf({ mark, environment }: TreeOptions): string {
  const value = environment[mark];
  assert(value !== undefined && value !== "", "a tree is known by a variable of its own");
  return `${mark}=${value}`;
}

type Family = { signal(name: NodeJS.Signals): void; isGone(): boolean };

function familyOf(child: Child, orphans: () => readonly number[]): Family {
  return {
    signal(name) {
      tell(-child.pid, name);
      for (const pid of orphans()) tell(pid, name);
    },
    isGone() {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      const isEmpty = () => orphans().length === 0;
      const isGroupGone = () => !tell(-child.pid, 0);
      // Looking for orphans buries the dead ones, which count as members of the group until then. Looked for last
      // when the group is gone: the last of it may have left some.
      return hasEnded && (isGroupGone() || (isEmpty() && isGroupGone())) && isEmpty();
    },
  };
}

async function killed(family: Family, clock: Clock): Promise<Ended> {
  if (family.isGone()) return "gone";
  return (await gone(family, clock, killedMsMax, () => family.signal("SIGKILL")))
    ? "gone"
    : "stuck";
}

/** Whether the family was gone before the time was up. `before`: done before each look. */
async function gone(family: Family, clock: Clock, ms: number, before = () => {}): Promise<boolean> {
  const untilMs = clock.monotonicMs() + ms;
  for (let pauseMs = treeLookMsFirst; ; pauseMs = Math.min(pauseMs * 2, treeLookMsMax)) {
    before(); // Each time anew: a process may have been born between a look and its parent's death.
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0) return family.isGone();
    await clock.sleep(Math.min(pauseMs, leftMs), never);
    if (family.isGone()) return true;
  }
}

const never = new AbortController().signal;

/** Sends a signal, or asks with 0; true when there was somebody. One of another user is somebody. */
function tell(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return errorCodeOf(error) === "EPERM";
  }
}

type Child = Bun.Subprocess<"ignore" | number, "pipe" | number, "pipe" | number>;
type Spawned =
  | { readonly child: Child; readonly stdout: Output; readonly stderr: Output }
  | { readonly code: string };

/** Numbers of open files left for what the runtime itself opens while it starts a program. */
const spareFiles = 100;

function spawn(options: TreeOptions, calls: SystemCalls | null): Spawned {
  const { command, environment, folder, input, onMessage } = options;
  const ours: number[] = []; // Ends that the program has a copy of.
  const pipes: Pipe[] = [];
  try {
    const stdin = input === null ? "ignore" : openSync(input, "r");
    if (typeof stdin === "number") ours.push(stdin);
    const [out, err] = calls === null ? [null, null] : [calls.openPipe(), calls.openPipe()];
    for (const pipe of [out, err]) if (pipe !== null) pipes.push(pipe);
    ours.push(...pipes.map(({ writeEnd }) => writeEnd));
    const start = (): Child =>
      Bun.spawn([...command], {
        cwd: folder,
        env: environment,
        stdin,
        stdout: out?.writeEnd ?? "pipe",
        stderr: err?.writeEnd ?? "pipe",
        detached: true, // setsid(): a session and a process group of its own.
        ...(onMessage === undefined ? {} : { ipc: onMessage, serialization: "advanced" as const }),
      });
    // The runtime has raised the limit for itself. With hundreds of jobs it needs more than the usual one even for this.
    const isRoom = Math.max(0, ...ours) < jobOpenFilesDefault - spareFiles;
    const child =
      isRoom && calls !== null ? calls.withOpenFiles(jobOpenFilesDefault, start) : start();
    return { child, stdout: outputOf(out ?? child.stdout), stderr: outputOf(err ?? child.stderr) };
  } catch (error) {
    for (const { readEnd } of pipes) closeSync(readEnd);
    const code = errorCodeOf(error);
    if (code === null || !/^E[A-Z0-9]+$/.test(code)) throw error;
    return { code };
  } finally {
    for (const file of ours) closeSync(file);
  }
}

function exitOf({ exitCode, signalCode }: Child): Exit {
  if (signalCode === null) return { code: exitCode, signal: null };
  const name: string | number = signalCode;
  return { code: null, signal: typeof name === "number" ? `SIG${String(name)}` : name };
}
