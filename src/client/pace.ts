// Keeps a loop of long questions from running hot: a server that stops answers them at once, and would be asked
// again at once.

import { jitterMs } from "./retry.ts";
import { never, sleep, type Runtime } from "./runtime.ts";

export type Pace = {
  /** When a question begins. */
  begin(): number;
  /** After a question that brought nothing: rests when it ended far before its `waitMs`. */
  rest(beganAtMs: number, waitMs: number, signal: AbortSignal | undefined): Promise<void>;
};

export function createPace(runtime: Runtime): Pace {
  let earlyCount = 0;
  return {
    begin: () => runtime.monotonicMs(),
    async rest(beganAtMs, waitMs, signal = never) {
      signal.throwIfAborted();
      const isEarly = runtime.monotonicMs() - beganAtMs < waitMs / 2;
      earlyCount = isEarly ? earlyCount + 1 : 0;
      // At least half the time, so that chance cannot make it no rest at all.
      const fraction = 0.5 + runtime.fraction() / 2;
      if (isEarly) await sleep(runtime, jitterMs(earlyCount, fraction), signal);
    },
  };
}
