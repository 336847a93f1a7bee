// When an attempt of a worker with signs of life is over without its word, and how. A worker is waited for as long
// as it had computed, so that a short silence never wastes much; its late result counts anyway.

import type { Attempt } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import {
  deliveryFloorBytesPerSecond,
  heartbeatMs,
  lostMsMin,
  silenceLookMs,
  suspectMs,
} from "../domain/limits.ts";
import type { Lease, Life } from "./roster.ts";
import { giveBack, lose, type SettleDeps } from "./settle.ts";

/** What is stored with the attempts of such workers: how they are known after a restart. */
export const liveLeaseMs = lostMsMin;

export function isLive({ leaseMs }: Attempt): boolean {
  return leaseMs === liveLeaseMs;
}

/**
 * By the monotonic clock, when the attempt is given up unless something is heard. `lostMsFirst`: nothing is lost
 * before, because the server has just been started.
 */
export function endOfSilenceMs(
  lease: Lease,
  life: Life,
  type: JobType,
  lostMsFirst: number,
): number {
  const { stage, sinceMs, ranBeforeMs } = lease;
  const isDelivered = stage !== "sent" || !life.isConnected;
  // Heard a heartbeat later it would have spoken of it. Silent, it may have it all the same.
  if (!isDelivered && life.heardMs - sinceMs >= heartbeatMs) return confirmedByMs(lease);
  const ranMs = ranBeforeMs + Math.max(life.heardMs - sinceMs, 0);
  const graceMs = Math.min(Math.max(lostMsMin, ranMs), type.resumeGraceMs);
  // One whose socket still stands is suspected first, and lost later: what it lost would else be given to it again.
  const silentMsMax = life.isConnected ? Math.max(graceMs, suspectMs + silenceLookMs) : graceMs;
  const endsMs = Math.max(life.heardMs + silentMsMax, lostMsFirst);
  return isDelivered ? endsMs : Math.max(endsMs, confirmedByMs(lease));
}

/** When it is to be looked at next: what is heard of the worker until then decides between two ends. */
export function nextLookMs(lease: Lease, endsMs: number, nowMs: number): number {
  const byMs = lease.stage === "sent" ? confirmedByMs(lease) : endsMs;
  return byMs > nowMs ? Math.min(byMs, endsMs) : endsMs;
}

function confirmedByMs({ sinceMs, job }: Lease): number {
  return sinceMs + lostMsMin + (job.payload.size * 1000) / deliveryFloorBytesPerSecond;
}

/** Ends an attempt that its worker does not have any more: what never arrived is charged to nobody. */
export async function giveUp(
  deps: SettleDeps,
  { job, stage, life }: Lease,
  how: { readonly info: string; readonly charged: boolean },
): Promise<void> {
  const about = { seq: job.seq, attempt: job.attempt.n, info: how.info };
  if (life !== null && stage === "sent") await giveBack(deps, about, "return");
  else await lose(deps, { ...about, charged: how.charged });
}
