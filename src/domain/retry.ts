// How long a job waits after a charged failure: exponential, capped, spread by chance so that jobs which
// failed together do not come back together (Brooker, "Exponential Backoff and Jitter", AWS, 2015).

import { assert } from "./assert.ts";
import { backoffMsFirst, backoffMsMax } from "./limits.ts";

/**
 * Milliseconds to wait after the k-th charged failure.
 * @param failures failures so far, the newest included: at least 1
 * @param chance in [0, 1); stretches the wait to between 0.5 and 1.5 times
 */
export function backoffMs(failures: number, chance: number): number {
  assert(failures >= 1, "a wait follows a failure");
  assert(chance >= 0 && chance < 1, "chance lies in [0, 1)");
  const planned = Math.min(backoffMsFirst * 2 ** (failures - 1), backoffMsMax);
  return Math.round(planned * (0.5 + chance));
}
