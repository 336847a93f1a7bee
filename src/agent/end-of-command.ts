// How a shipped command ended, in the words of a job: apart so that the ways a program can end stand in one list.

import { unreachable } from "../domain/assert.ts";
import type { ShippedCommand } from "../protocol/shipped-command.ts";
import type { ProgramEnd } from "./run-program.ts";
import type { JobBytes, Outcome } from "./runner.ts";

/** It ran to an end of its own, or to its own limit of time. */
export type CommandEnd = {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: JobBytes;
};

export function endOfCommand(ended: ProgramEnd, command: ShippedCommand): CommandEnd | Outcome {
  switch (ended.kind) {
    case "exited":
      return { exitCode: ended.exit.code, signal: ended.exit.signal, stdout: ended.stdout };
    case "timeout":
      // A limit that the command brought along is its own business; one of the job's is the grid's.
      if (command.timeout_ms !== undefined) return { ...timedOut, stdout: nothing };
      return failed("The command took longer than it may.", "SIGTERM", true);
    case "stopped":
      return { kind: "stopped" };
    case "no-space":
      return { kind: "released", why: "no_space" };
    case "too-large":
      return failed("The command wrote more than a result may have.", null, false);
    case "not-started":
      return failed(`The command cannot be started here (${ended.code}).`, null, true);
    default:
      return unreachable(ended);
  }
}

const nothing: JobBytes = { kind: "bytes", bytes: new Uint8Array(0) };
const timedOut = { exitCode: null, signal: "SIGTERM" } as const;

function failed(info: string, signal: string | null, retryable: boolean): Outcome {
  return { kind: "failed", info, exitCode: null, signal, retryable };
}
