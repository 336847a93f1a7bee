// Takes back that an attempt was given up, when its holder turns out to have it still and nobody else was given the
// job: it runs on under the same number and token.

import type { JobSeq, RunningJob } from "../domain/job.ts";
import { advance } from "./advance.ts";
import type { Life, Roster, Seat, Stage } from "./roster.ts";
import type { SettleDeps } from "./settle.ts";
import { isLive } from "./worker-leases.ts";

export type ReopenDeps = SettleDeps & { readonly roster: Roster };

/** Who has it. `seat` is null while it has no connection. */
export type Keeper = { readonly seat: Seat | null; readonly stage: Stage };

/** The job as it then runs, or null when it is somebody else's, settled, or to wait. */
export async function reopen(
  deps: ReopenDeps,
  seq: JobSeq,
  attempt: number,
  { seat, stage }: Keeper,
): Promise<RunningJob | null> {
  const at = deps.clock.now();
  const step = { do: "reopen", at, attempt } as const;
  const move = await advance(deps, { by: "seq", seq }, () => step);
  if (move === "no-such-job" || move.kind === "refused") return null;
  const { job } = move;
  if (job.status !== "running") return null;
  const ms = deps.clock.monotonicMs();
  const { leaseMs } = job.attempt;
  const life: Life | null = seat === null && isLive(job.attempt) ? aloneAt(ms) : null;
  deps.roster.hold(seat, job, { ms, leaseMs, stage, ...(life !== null && { life }) });
  return job;
}

/** It speaks by HTTP, without a socket. */
function aloneAt(heardMs: number): Life {
  return { heardMs, isConnected: false };
}
