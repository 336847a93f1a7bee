// Looks whether the server at an address is the one that was pinned, before anything secret is sent. Keeps trying
// while nobody answers there, as a worker does with its server ever after.

import { reconnectAfterMs } from "../agent/conversation/partings.ts";
import type { Clock } from "../platform/clock.ts";
import { openPinned, UnreachableError, type TlsOptions } from "../platform/pinned-tls.ts";
import type { Random } from "../platform/random.ts";

export type TrustDeps = {
  readonly clock: Clock;
  readonly random: Random;
  /** A line for the person at the terminal. */
  readonly onNotice: (line: string) => void;
};

/** Null when `stop` fired first. Throws what `openPinned` throws, but for a server that nobody reaches. */
export async function findTrusted(
  { url, pin }: { readonly url: string; readonly pin: string },
  { clock, random, onNotice }: TrustDeps,
  stop: AbortSignal,
): Promise<TlsOptions | null> {
  for (let tries = 0; !stop.aborted; tries += 1) {
    try {
      return await openPinned(url, pin, stop);
    } catch (error) {
      if (stop.aborted) return null;
      if (!(error instanceof UnreachableError)) throw error;
      const afterMs = reconnectAfterMs(tries, null, random.fraction());
      onNotice(`${error.message} Trying again in ${Math.ceil(afterMs / 1000)} s.`);
      await clock.sleep(afterMs, stop);
    }
  }
  return null;
}
