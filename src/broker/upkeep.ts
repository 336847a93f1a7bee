// Keeps house while the server runs: slow work that nobody waits for, each piece again and again by the clock. One that
// fails is logged and tried again at its next time.

import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";

export type Chore = {
  /** As it stands in the log. */
  readonly name: string;
  /** Until it is done for the first time. */
  readonly firstMs: number;
  /** From its end to its next beginning. */
  readonly everyMs: number;
  /** Ends soon after `stop` fires. */
  run(stop: AbortSignal): Promise<void>;
};

/** `stop` resolves when nothing is under way; twice is no error. */
export function startUpkeep(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  chores: readonly Chore[],
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const repeat = async ({ name, firstMs, everyMs, run }: Chore) => {
    for (let waitMs = firstMs; ; waitMs = everyMs) {
      await clock.sleep(waitMs, signal);
      if (signal.aborted) return;
      await run(signal).catch((error: unknown) => {
        if (!signal.aborted) log.error("upkeep.failed", error, { chore: name });
      });
    }
  };
  const done = Promise.all(chores.map(repeat));
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}
