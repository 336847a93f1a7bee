// What may end a job before it ends itself, as one signal: the agent's wish, or the job's longest run.

import type { Clock } from "../../platform/clock.ts";

export type JobLimit = {
  readonly signal: AbortSignal;
  /** What fired first; null while nothing did. */
  fired(): "stop" | "timeout" | null;
  /** Resolves when something fired. */
  readonly reached: Promise<void>;
  /** The job ended: the clock need not watch it any more. */
  lift(): void;
};

export function limitJob(timeoutMs: number | null, stop: AbortSignal, clock: Clock): JobLimit {
  const controller = new AbortController();
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  let why: "stop" | "timeout" | null = null;
  const fire = (cause: "stop" | "timeout") => {
    if (why !== null) return;
    why = cause;
    lift();
    controller.abort();
    resolve();
  };
  const onStop = () => fire("stop");
  const timer = timeoutMs === null ? null : clock.after(timeoutMs, () => fire("timeout"));
  const lift = () => {
    timer?.cancel();
    stop.removeEventListener("abort", onStop);
  };
  stop.addEventListener("abort", onStop);
  if (stop.aborted) onStop();
  return { signal: controller.signal, fired: () => why, reached, lift };
}

/** The shorter of two bounds, of which null is none. */
export function shorterMs(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** What the promise resolves to, or null when it takes longer. */
export async function withinMs<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<T | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = clock.after(ms, () => resolve(null));
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.cancel();
  }
}
