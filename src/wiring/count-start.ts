// Ties an opened database to its data directory: it must belong to the same grid and must not have gone back in
// time. Then the start is counted, durably, before the server promises anything to anybody.

import type { Durability } from "../config/config.ts";
import type { JobStore } from "../store/job-store.ts";
import { StartError } from "../platform/start-error.ts";
import { requireNotBehind } from "./high-water.ts";
import type { DataDirectory } from "./data-dir.ts";

type Settings = Pick<JobStore, "setting" | "setSetting" | "lastEventSeq">;

/**
 * Answers with the number of this start: 1 for the first, one more each time. With durability `process` a power
 * cut may take the last commits, as was chosen: then being behind the mark is no reason to refuse.
 */
export async function countStart(
  directory: DataDirectory,
  jobs: Settings,
  durability: Durability,
): Promise<number> {
  const { path, clusterId, highWater } = directory;
  const cluster = await jobs.setting("cluster_id");
  if (cluster !== null && cluster !== clusterId) {
    throw new StartError(
      3,
      `The database in ${path} belongs to grid ${cluster}, the directory to grid ${clusterId}. Put back the database that belongs here, or the file IDENTITY that belongs to the database.`,
    );
  }
  const last = Number((await jobs.setting("incarnation")) ?? "0");
  const eventSeq = await jobs.lastEventSeq();
  const isHeld = highWater !== null && durability === "power";
  if (isHeld) requireNotBehind(path, highWater, { incarnation: last, eventSeq });

  const incarnation = last + 1;
  await jobs.setSetting("cluster_id", clusterId);
  await jobs.setSetting("incarnation", String(incarnation));
  await directory.writeHighWater({ incarnation, eventSeq });
  return incarnation;
}
