// What ends one request: the caller's signal, or a limit of time that is set anew with each sign of life.
// A leash lets go of the caller's signal when it ends, because that may live as long as the program.

import type { Runtime } from "./runtime.ts";

export type Leash = {
  readonly signal: AbortSignal;
  /** Fires the signal when nothing sets another limit within `ms`; null takes the limit away. */
  limit(ms: number | null): void;
  /** Fires the signal, if nothing has: what is still open of the request is closed. */
  cut(): void;
  /** Nothing fires any more. */
  end(): void;
};

export function createLeash(runtime: Runtime, outer: AbortSignal | undefined): Leash {
  const inner = new AbortController();
  let cancel = () => {};
  const fire = () => inner.abort(outer?.reason);
  if (outer?.aborted === true) fire();
  outer?.addEventListener("abort", fire);

  const limit = (ms: number | null) => {
    cancel();
    cancel = () => {};
    if (ms === null || inner.signal.aborted) return;
    cancel = runtime.after(ms, () => {
      inner.abort(new DOMException(`nothing came for ${ms / 1000} s`, "TimeoutError"));
    });
  };
  const end = () => {
    limit(null);
    outer?.removeEventListener("abort", fire);
  };
  return {
    signal: inner.signal,
    limit,
    cut() {
      end();
      inner.abort();
    },
    end,
  };
}
