// Takes away bytes that no record refers to: what a crash between two steps left behind. In two steps with time
// between, page by page and slowly, so that nobody waits for it. Names are never used again (docs/decisions/0002), so
// that bytes once seen unused and not on their way stay unused.

import { sweepDoomedCountMax, sweepPageSize, sweepPauseMs } from "../domain/limits.ts";
import type { BlobStore, StoredBlob } from "../blobs/blob-store.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Staged } from "./staged.ts";

export type SweepDeps = {
  readonly jobs: Pick<JobStore, "usesBlob">;
  /** The watched one: what somebody copies is then left alone. */
  readonly blobs: Pick<BlobStore, "list" | "delete">;
  readonly staged: Pick<Staged, "isHeld" | "mark">;
  readonly clock: Clock;
  readonly log: Log;
  /** Younger bytes are left, whatever they are. */
  readonly graceMs: number;
  /** Time between the two steps. */
  readonly restMs: number;
};

/** Resolves when all was looked at, or soon after `stop` fires. */
export async function sweepBlobs(deps: SweepDeps, stop: AbortSignal): Promise<void> {
  const { clock, log, staged } = deps;
  const doomed = await findUnused(deps, stop);
  if (doomed.length === 0) return;
  // Marked after the search: what was on its way at its end may be among the doomed, until it has arrived.
  const haveArrived = staged.mark();
  do await clock.sleep(Math.max(deps.restMs, sweepPauseMs), stop);
  while (!haveArrived() && !stop.aborted);

  let count = 0;
  let bytes = 0;
  for (const { name, size } of doomed) {
    if (stop.aborted) break;
    if (!(await isUnused(deps, name))) continue;
    await deps.blobs.delete(name);
    count += 1;
    bytes += size;
    if (count % sweepPageSize === 0) await clock.sleep(sweepPauseMs, stop);
  }
  if (count > 0) log.info("blobs.swept", { count, bytes });
}

async function findUnused(deps: SweepDeps, stop: AbortSignal): Promise<readonly StoredBlob[]> {
  const { blobs, clock, graceMs } = deps;
  const found: StoredBlob[] = [];
  let after: string | null = null;
  while (!stop.aborted) {
    const page: readonly StoredBlob[] = await blobs.list(after, sweepPageSize);
    const oldEnough = clock.now() - graceMs;
    for (const blob of page) {
      if (blob.storedAt <= oldEnough && (await isUnused(deps, blob.name))) found.push(blob);
    }
    after = page.at(-1)?.name ?? null;
    if (page.length < sweepPageSize || found.length >= sweepDoomedCountMax) break;
    await clock.sleep(sweepPauseMs, stop);
  }
  return found;
}

// Asked in this order: bytes are let go only after the record that names them stands.
async function isUnused({ jobs, staged }: SweepDeps, name: string): Promise<boolean> {
  return !staged.isHeld(name) && !(await jobs.usesBlob(name));
}
