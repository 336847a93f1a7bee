// What the end of a program means for its job, and the sentence that people read about it. Pure: nothing is done here.

import { unreachable } from "../../domain/assert.ts";
import type { ProgramEnd } from "./run-program.ts";
import type { Outcome } from "../runner.ts";

/** A program ends with this to say that trying again is no use (PROTOCOL: inside a job). */
const failedForGood = 86;

/** "done": what it wrote is the result. */
export function judgeEnd(
  end: ProgramEnd,
  limits: { readonly timeoutMs: number | null; readonly resultBytesMax: number },
): Outcome | "done" {
  switch (end.kind) {
    case "exited":
      return judgeExit(end.exit.code, end.exit.signal);
    case "not-started":
      return { kind: "released", why: lasting.has(end.code) ? "unsupported" : "preempted" };
    case "timeout": {
      const seconds = (limits.timeoutMs ?? 0) / 1000;
      return failed(`The program ran for longer than its limit of ${seconds} s and was ended.`);
    }
    case "too-large":
      return failed(tooLarge(limits.resultBytesMax));
    case "no-space":
      return { kind: "released", why: "no_space" };
    case "stopped":
      return { kind: "stopped" };
    default:
      return unreachable(end);
  }
}

export function tooLarge(bytesMax: number): string {
  return `The result is larger than the ${bytesMax} bytes that this worker takes, and was not kept. Write less, or raise result_bytes_max in the worker's policy.`;
}

/** Reasons not to start a program that will be the same the next time. */
const lasting = new Set("ENOENT EACCES ENOEXEC ENOTDIR EISDIR ELOOP EPERM E2BIG EINVAL".split(" "));

function judgeExit(code: number | null, signal: string | null): Outcome | "done" {
  if (signal !== null) return { ...failed(bySignal(signal)), signal };
  if (code === 0) return "done";
  const exit = { exitCode: code };
  if (code === failedForGood) {
    const info = `The program ended with exit code ${code}: it failed, and would fail again.`;
    return { ...failed(info), ...exit, retryable: false };
  }
  return { ...failed(`The program ended with exit code ${code}.`), ...exit };
}

function bySignal(signal: string): string {
  const why =
    signal === "SIGKILL"
      ? ", which this worker did not send: often the machine had run out of memory"
      : "";
  return `The program was ended by ${signal}${why}.`;
}

export function failed(info: string): Extract<Outcome, { readonly kind: "failed" }> {
  return { kind: "failed", info, exitCode: null, signal: null, retryable: true };
}
