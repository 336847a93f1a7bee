// Chooses who keeps records and bytes. The one place that knows the providers; a new one is a line here.

import { createSqliteJobStore, type SqliteJobStore } from "../store/sqlite/sqlite-job-store.ts";
import type { JobStore } from "../store/job-store.ts";
import { openDiskBlobStore } from "../blobs/disk/disk-blob-store.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import { errorCodeOf } from "../platform/durable-files.ts";
import type { Random } from "../platform/random.ts";
import { atEndOfTurn } from "../platform/turn.ts";
import type { DataDirectory } from "./data-dir.ts";

export type Providers = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  /** Hands on a copy of all records as of one moment. */
  readonly copyOut: SqliteJobStore["copyOut"];
};

export type ProviderDeps = {
  readonly config: Pick<Config, "database" | "jobs">;
  readonly directory: DataDirectory;
  readonly random: Random;
  readonly clock: Clock;
  /** Called when the disk failed: what was promised before stands, nothing more can be promised. */
  readonly onBroken: (error: unknown) => void;
  /** Called when the database finds the disk full: true when there is room now. */
  readonly makeRoom: () => boolean;
};

/** Opens both; whoever opened them closes them, records first. */
export async function openProviders(deps: ProviderDeps): Promise<Providers> {
  const { config, directory, random, clock, onBroken, makeRoom } = deps;
  const jobs = createSqliteJobStore({
    file: directory.database,
    batchSize: config.jobs.batchSize,
    durability: config.database.durability,
    atEndOfTurn,
    clock,
    onBroken,
    makeRoom,
  });
  const blobs = await openDiskBlobStore({ directory: directory.blobs, random });
  return { jobs, blobs: stoppingOnFailure(blobs, onBroken), copyOut: jobs.copyOut };
}

/** An I/O error is never tried again: the system marks pages as written that are not (fsyncgate, 2018). */
function stoppingOnFailure(blobs: BlobStore, onBroken: (error: unknown) => void): BlobStore {
  const put: BlobStore["put"] = async (bytes, sizeBytesMax) => {
    try {
      return await blobs.put(bytes, sizeBytesMax);
    } catch (error) {
      if (errorCodeOf(error) === "EIO") onBroken(error);
      throw error;
    }
  };
  return { ...blobs, put };
}
