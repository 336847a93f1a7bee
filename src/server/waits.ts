// Requests that are kept open until a job settles. Each ends when its time is up, when its client has gone,
// and when the server stops: then it is answered with the job as it is.

import type { Patience, Timers } from "./patience.ts";

export type Waits = {
  /** Runs `wait` without the connection counting as silent. */
  hold<T>(request: Request, server: Timers, wait: (stop: AbortSignal) => Promise<T>): Promise<T>;
};

export function createWaits(stopping: AbortSignal, patience: Patience): Waits {
  return {
    async hold(request, server, wait) {
      patience.lift(request, server);
      const stop = new AbortController();
      const fire = () => stop.abort();
      if (stopping.aborted || request.signal.aborted) fire();
      stopping.addEventListener("abort", fire);
      request.signal.addEventListener("abort", fire);
      try {
        return await wait(stop.signal);
      } finally {
        stopping.removeEventListener("abort", fire);
        patience.restore(request, server);
      }
    },
  };
}
