// How soon a program that ended is started again: at once and then ever later, as long as it does not stay alive.

import { restartMsFirst, restartMsMax, steadyLifeMs } from "../../domain/limits-worker.ts";

export type RestartPace = {
  /** It ended after so long a life; how long to rest before the next start. */
  ended(lifeMs: number): number;
  /** Ends without a steady life between them. */
  endsInRow(): number;
};

export function createRestartPace(): RestartPace {
  let count = 0;
  return {
    ended(lifeMs) {
      count = lifeMs >= steadyLifeMs ? 1 : count + 1;
      return Math.min(restartMsFirst * 2 ** (count - 1), restartMsMax);
    },
    endsInRow: () => count,
  };
}
