// What a worker says of its attempts while they run: that it has them, how far they are, what they print; and that one
// it was told to end is gone.

import { unreachable } from "../domain/assert.ts";
import { progressInfoCharactersMax } from "../domain/limits.ts";
import type { WorkerSays } from "../protocol/worker-messages.ts";
import type { LiveLogs } from "./live-logs.ts";
import { giveBack, type SettleDeps } from "./settle.ts";
import type { Hand } from "./worker-hands.ts";
import type { Holdings, Own } from "./worker-holdings.ts";
import type { Outcome } from "./worker-reports.ts";

export type NewsDeps = SettleDeps & {
  readonly logs: LiveLogs;
  readonly carryOut: (work: Promise<unknown>) => void;
};

type News = Exclude<WorkerSays, Outcome | { readonly op: "hello" | "holding" | "ready" | "bye" }>;

/** Answers with the attempt that left the worker's hands, if one did. */
export function takeNews(
  deps: NewsDeps,
  holdings: Holdings,
  own: Own,
  said: WorkerSays,
  body: Uint8Array,
): Hand | null {
  if (!isNews(said)) return null;
  if (said.op === "beat") {
    for (const [job, attempt, state] of said.holding) {
      const hand = holdings.find(own, job, attempt);
      if (hand !== null) holdings.confirm(own, hand, state === "queued" ? "waiting" : "running");
    }
    return null;
  }
  const hand = holdings.find(own, said.job, said.attempt);
  if (hand === null) return null;
  if (said.op === "ended") {
    holdings.remove(own, hand);
    endUnasked(deps, hand);
    return hand;
  }
  holdings.confirm(own, hand, "running");
  switch (said.op) {
    case "started":
      return null;
    case "progress": {
      const info = said.info?.slice(0, progressInfoCharactersMax).toWellFormed() ?? null;
      holdings.progress(hand, { percent: said.percent, info });
      return null;
    }
    case "log":
      if (holdings.isOpen(hand)) {
        const { attempt, stream, offset } = said;
        deps.logs.put(hand.seq, { attempt, stream, offset, bytes: body });
      }
      return null;
    default:
      return unreachable(said);
  }
}

function endUnasked(deps: NewsDeps, { fate, seq, attempt }: Hand): void {
  if (fate !== "open") return;
  const info = "The worker ended it without having been asked to.";
  deps.carryOut(giveBack(deps, { seq, attempt, info }, "release"));
}

function isNews(said: WorkerSays): said is News {
  const { op } = said;
  return op === "beat" || op === "started" || op === "progress" || op === "log" || op === "ended";
}
