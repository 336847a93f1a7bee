// Another process of this machine: whether it lives, and asking it to stop.

import { errorCodeOf } from "./durable-files.ts";

/** Asks it to end itself in order. False when there is none, or it is another user's. */
export function askToStop(pid: number): boolean {
  return signalled(pid, "SIGTERM");
}

export function isAlive(pid: number): boolean {
  return signalled(pid, 0);
}

function signalled(pid: number, signal: "SIGTERM" | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return signal === 0 && errorCodeOf(error) === "EPERM";
  }
}
