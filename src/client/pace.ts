// Keeps a loop of long questions from running hot: a server that stops answers them at once, and would be asked
// again at once.

import { jitterMs } from "./retry.ts";
import { sleep, type Runtime } from "./runtime.ts";

export type Pace = {
  /** Asks a question that should take up to `waitMs`. */
  ask<T>(waitMs: number, question: () => Promise<T>): Promise<T>;
  /** Before the next question: rests when the last one was answered far too early. */
  rest(signal: AbortSignal | undefined): Promise<void>;
};

export function createPace(runtime: Runtime): Pace {
  let earlyCount = 0;
  return {
    async ask(waitMs, question) {
      const startedAtMs = runtime.monotonicMs();
      const answer = await question();
      earlyCount = runtime.monotonicMs() - startedAtMs < waitMs / 2 ? earlyCount + 1 : 0;
      return answer;
    },
    async rest(signal = never) {
      signal.throwIfAborted();
      // At least half the time, so that chance cannot make it no rest at all.
      const fraction = 0.5 + runtime.fraction() / 2;
      if (earlyCount > 0) await sleep(runtime, jitterMs(earlyCount, fraction), signal);
    },
  };
}

/** Nobody fires it: for calls without a signal. */
const never = new AbortController().signal;
