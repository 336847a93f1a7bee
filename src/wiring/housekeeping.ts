// What a server does beside its work, and when: bytes that nobody refers to go, so do old jobs where that is wanted, and
// the reserve is kept.

import type { Broker } from "../broker/broker.ts";
import type { DiskWatch } from "../broker/disk-level.ts";
import { forget, type RetentionRules } from "../broker/forget.ts";
import type { Staged } from "../broker/staged.ts";
import { sweepBlobs } from "../broker/sweep-blobs.ts";
import { startUpkeep } from "../broker/upkeep.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";

export type HousekeepingDeps = {
  readonly staged: Staged;
  readonly broker: Pick<Broker, "forget">;
  readonly retention: RetentionRules;
  readonly disk: DiskWatch;
  readonly clock: Clock;
  readonly log: Log;
};

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

export function startHousekeeping(deps: HousekeepingDeps): { stop(): Promise<void> } {
  const { staged, disk, broker, retention: rules } = deps;
  const sweep = { ...deps, ...staged, staged, graceMs: hourMs, restMs: 10 * minuteMs };
  const old = { ...deps, ...staged, rules, remove: broker.forget };
  return startUpkeep(deps, [
    {
      name: "blobs",
      firstMs: minuteMs,
      everyMs: 4 * hourMs,
      run: (stop) => sweepBlobs(sweep, stop),
    },
    {
      name: "retention",
      firstMs: minuteMs / 2,
      everyMs: 5 * minuteMs,
      run: (stop) => forget(old, stop),
    },
    {
      name: "disk", // Also makes the reserve, shortly after the start and after it was used.
      firstMs: secondMs,
      everyMs: minuteMs,
      run: async () => void (await disk.state()),
    },
  ]);
}
