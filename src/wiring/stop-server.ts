// Stops the server of a data directory on this machine: the lock says whether there is one, the file HOLDER who it is.

import { join, resolve } from "node:path";
import type { Clock } from "../platform/clock.ts";
import { factsOf } from "../platform/file-system.ts";
import { askToStop, isAlive } from "../platform/other-process.ts";
import { StartError } from "../platform/start-error.ts";
import { thisProcess } from "../platform/this-process.ts";
import { holdLock } from "../store/sqlite/lock-file.ts";
import { lockName } from "./data-dir.ts";
import { readHolder } from "./holder.ts";

export type StopServerOptions = {
  readonly path: string;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** How long its end is waited for, and how often it is looked for. */
  readonly waitMs: number;
  readonly lookMs: number;
};

/** The process that was stopped, or null when no server uses the directory. Throws StartError. */
export async function stopServer(options: StopServerOptions): Promise<number | null> {
  const { clock, stop, waitMs, lookMs } = options;
  const path = resolve(options.path);
  if ((await factsOf(path)) === null)
    throw new StartError(3, `There is no data directory ${path}.`);
  const file = join(path, lockName);
  if ((await factsOf(file)) === null || (await isFree(file))) return null;
  const { pid } = await requireHolder(path);
  if (!askToStop(pid)) throw cannotStop(path, pid, "may not be signalled by this user");
  const endMs = clock.monotonicMs() + waitMs;
  while (isAlive(pid) && !(await isFree(file))) {
    stop.throwIfAborted();
    if (clock.monotonicMs() > endMs) {
      throw cannotStop(path, pid, `has not ended within ${waitMs / 1000} s`);
    }
    await clock.sleep(lookMs, stop);
  }
  return pid;
}

async function isFree(file: string): Promise<boolean> {
  const lock = await holdLock(file);
  lock?.release();
  return lock !== null;
}

async function requireHolder(path: string) {
  const holder = await readHolder(path);
  if (holder === null) {
    throw new StartError(
      3,
      `The data directory ${path} is in use, but by whom its file HOLDER does not say. Stop that process by hand.`,
    );
  }
  const { host } = thisProcess();
  if (holder.host === host) return holder;
  throw new StartError(
    3,
    `The server of ${path} runs as process ${holder.pid} on ${holder.host}, and this is ${host}. Stop it there.`,
  );
}

function cannotStop(path: string, pid: number, why: string): StartError {
  return new StartError(3, `The server of ${path} (process ${pid}) ${why}.`);
}
