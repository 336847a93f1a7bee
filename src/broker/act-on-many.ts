// What people do to many jobs at once: cancel, retry, delete, for all that a filter finds. Works page by page, each
// with one commit, and stops in time: whoever asked goes on from where it stopped.

import { assert, unreachable } from "../domain/assert.ts";
import { isSettled, type Job } from "../domain/job.ts";
import { bulkActionMsMax } from "../domain/limits.ts";
import type { Step } from "../domain/step.ts";
import type { Move } from "../domain/transition.ts";
import { advanceEach } from "./advance.ts";
import { takeAway } from "./bytes.ts";
import { deletion, type OperateDeps } from "./operate.ts";
import { walk, wholeStretch, type Stretch, type Wanted } from "./walk.ts";

/** `deleteActive` cancels what is not settled before it deletes it. */
export type ManyAction = "cancel" | "retry" | "delete" | "deleteActive";

/**
 * `changed`: moved or deleted by this request. `refused`: their state forbids it. Those matched and neither stand
 * already as wanted. `next`: what is left, or null.
 */
export type ManyDone = {
  readonly matched: number;
  readonly changed: number;
  readonly refused: number;
  readonly next: Stretch | null;
};

/** Acts on what stands in `stretch`, or for null on what stands now. Stops early when `stop` fires. */
export async function actOnMany(
  deps: OperateDeps,
  action: ManyAction,
  wanted: Wanted,
  given: Stretch | null,
  stop: AbortSignal,
): Promise<ManyDone> {
  const stretch = given ?? (await wholeStretch(deps.jobs));
  const endsMs = deps.clock.monotonicMs() + bulkActionMsMax;
  const total = { matched: 0, changed: 0, refused: 0 };
  for await (const { jobs, last } of walk(deps.jobs, wanted, stretch)) {
    const { changed, refused } = await act(deps, action, jobs);
    total.matched += jobs.length;
    total.changed += changed;
    total.refused += refused;
    if (deps.clock.monotonicMs() < endsMs && !stop.aborted) continue;
    return { ...total, next: last < stretch.until ? { after: last, until: stretch.until } : null };
  }
  return { ...total, next: null };
}

type Counts = { readonly changed: number; readonly refused: number };

async function act(deps: OperateDeps, action: ManyAction, jobs: readonly Job[]): Promise<Counts> {
  const at = deps.clock.now();
  switch (action) {
    case "cancel":
      return put(deps, jobs, { do: "cancel", at, info: null });
    case "retry":
      return put(deps, jobs, { do: "retry", at });
    case "delete":
      return removeSettled(deps, jobs);
    case "deleteActive": {
      const active = jobs.filter((job) => !isSettled(job));
      const cancel = { do: "cancel", at, info: "deleted" } as const;
      const moves = await advanceEach(deps, active, () => cancel);
      const cancelled = moves.flatMap((move) => (isMoved(move) ? [move.job] : []));
      const { changed, refused } = await removeSettled(deps, [
        ...jobs.filter(isSettled),
        ...cancelled,
      ]);
      return { changed, refused: refused + active.length - cancelled.length };
    }
    default:
      return unreachable(action);
  }
}

async function put(deps: OperateDeps, jobs: readonly Job[], step: Step): Promise<Counts> {
  const moves = await advanceEach(deps, jobs, () => step);
  const changed = moves.filter(isMoved).length;
  const refused = moves.filter(
    (move) => move !== "no-such-job" && move.kind === "refused" && move.why !== "already-cancelled",
  ).length;
  return { changed, refused };
}

/** A job that is not settled, or changed since it was read, is refused: asking again finds it as it then is. */
export async function removeSettled(deps: OperateDeps, jobs: readonly Job[]): Promise<Counts> {
  const settled = jobs.filter(isSettled);
  const at = deps.clock.now();
  const removals = settled.map((job) => {
    return { from: job.revision, seq: job.seq, event: deletion(job, at) };
  });
  const removed = removals.length === 0 ? [] : await deps.jobs.remove(removals);
  let changed = 0;
  for (const [index, job] of settled.entries()) {
    const answer = removed[index];
    const removal = removals[index];
    assert(answer !== undefined && removal !== undefined, "a removal answers for each job");
    if (answer.kind === "conflict") continue;
    changed += 1;
    deps.feed.publish({ job, event: removal.event, successor: null });
    for (const name of answer.freed) await takeAway(deps, name);
  }
  return { changed, refused: jobs.length - changed };
}

function isMoved(move: Move | "no-such-job"): move is Extract<Move, { kind: "moved" }> {
  return move !== "no-such-job" && move.kind === "moved";
}
