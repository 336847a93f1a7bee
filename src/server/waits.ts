// Requests that are kept open until a job settles. Each ends when its time is up, when its client has gone,
// and when the server stops: then it is answered with the job as it is.

import { idleSecondsMax } from "../domain/limits.ts";
import type { Patience } from "./uploads.ts";

export type Waits = {
  /** Runs `wait` without the connection counting as silent. */
  hold<T>(request: Request, server: Patience, wait: (stop: AbortSignal) => Promise<T>): Promise<T>;
};

export function createWaits(stopping: AbortSignal): Waits {
  return {
    async hold(request, server, wait) {
      server?.timeout(request, 0);
      const stop = new AbortController();
      const fire = () => stop.abort();
      if (stopping.aborted || request.signal.aborted) fire();
      stopping.addEventListener("abort", fire);
      request.signal.addEventListener("abort", fire);
      try {
        return await wait(stop.signal);
      } finally {
        stopping.removeEventListener("abort", fire);
        server?.timeout(request, idleSecondsMax);
      }
    },
  };
}
