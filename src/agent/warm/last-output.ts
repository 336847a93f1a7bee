// Until what a program wrote before it answered has been read, as far as that can be told: its output and its answer
// come on different ways, and neither says when it is empty.

import { outputTurnCount } from "../../domain/limits-worker.ts";
import { atEndOfTurn } from "../../platform/turn.ts";

/** So many turns of the event loop, each of which reads what has arrived. */
export async function untilOutputIsRead(): Promise<void> {
  for (let turn = 0; turn < outputTurnCount; turn += 1) {
    await new Promise<void>((resolve) => atEndOfTurn(resolve));
  }
}
