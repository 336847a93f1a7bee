// All that keeps a server's records and bytes, ready for the broker: the providers, what watches bytes on their
// way, and what watches the room on the disk.

import { createDiskWatch, type DiskWatch } from "../broker/disk-level.ts";
import { watchStaged, type Staged } from "../broker/staged.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import { spaceOn } from "../platform/file-system.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import type { DataDirectory } from "./data-dir.ts";
import { openProviders, type Providers } from "./providers.ts";
import { openReserve } from "./reserve-file.ts";

export type Storage = {
  readonly staged: Staged;
  readonly disk: DiskWatch;
  readonly copyOut: Providers["copyOut"];
  /** Closes bytes and records. */
  close(): Promise<void>;
};

export type StorageDeps = {
  readonly config: Pick<Config, "database" | "jobs" | "storage">;
  readonly directory: DataDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onBroken: (error: unknown) => void;
};

export async function openStorage(deps: StorageDeps): Promise<Storage> {
  const { directory, clock, log } = deps;
  const { lowDiskBytes, lowDiskPercent } = deps.config.storage;
  const reserve = await openReserve(directory.path, deps);
  const providers = await openProviders({ ...deps, makeRoom: reserve.giveUp });
  return {
    staged: watchStaged(providers),
    disk: createDiskWatch({
      clock,
      log,
      look: () => spaceOn(directory.path),
      reserve,
      lowBytes: lowDiskBytes,
      lowPercent: lowDiskPercent,
    }),
    copyOut: providers.copyOut,
    async close() {
      await providers.blobs.close();
      await providers.jobs.close();
    },
  };
}
