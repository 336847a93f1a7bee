// Results that arrive in parts: the directory that keeps them until they are whole, outside of the blobs, so that
// a start does not take them away. What nobody goes on with for a day is.

import { join } from "node:path";
import { openDiskPartStore } from "../blobs/disk/disk-part-store.ts";
import type { PartStore } from "../blobs/part-store.ts";
import { startUpkeep } from "../broker/upkeep.ts";
import { partialUploadMsMax, partialUploadSweepMs } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { DataDirectory } from "./data-dir.ts";

export type UploadsDeps = {
  readonly directory: Pick<DataDirectory, "path">;
  readonly clock: Clock;
  readonly log: Log;
  readonly onBroken: (error: unknown) => void;
};

export async function openUploads(
  deps: UploadsDeps,
): Promise<{ readonly partStore: PartStore; close(): Promise<void> }> {
  const { clock, log } = deps;
  const directory = join(deps.directory.path, "uploads");
  const partStore = await openDiskPartStore({ ...deps, directory });
  const sweep = async () => {
    const count = await partStore.sweep(clock.now() - partialUploadMsMax);
    if (count > 0) log.info("uploads.forgotten", { count });
  };
  await sweep();
  const interval = { firstMs: partialUploadSweepMs, everyMs: partialUploadSweepMs };
  const upkeep = startUpkeep(deps, [{ name: "uploads", ...interval, run: sweep }]);
  return {
    partStore,
    async close() {
      await upkeep.stop();
      await partStore.close();
    },
  };
}
