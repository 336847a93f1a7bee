// Writes backups of a running server: the database as it stands at the call, and every blob that it refers to, which
// stay until the stream has ended. One backup at a time. A stream that ends without the closing record is no
// backup, and whoever reads it sees that.

import { join } from "node:path";
import type { BlobStore } from "../blobs/blob-store.ts";
import { createSha256 } from "../blobs/hashing.ts";
import type { DiskWatch } from "../broker/disk-level.ts";
import type { Staged } from "../broker/staged.ts";
import { GridError } from "../domain/errors.ts";
import type { Instant } from "../domain/job.ts";
import { reserveBytes } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import { removeIfThere } from "../platform/durable-files.ts";
import { sizeOrNull } from "../platform/file-system.ts";
import type { Log } from "../platform/log.ts";
import { writeScratch } from "../platform/scratch-file.ts";
import { version } from "../platform/version.ts";
import { backupFormat, type BackupManifest } from "../protocol/backup.ts";
import type { Backups } from "../server/backup-routes.ts";
import { toWireInstant } from "../server/instants.ts";
import { openStoredCopy } from "../store/sqlite/stored-copy.ts";
import { backupStream, type BackupStream } from "./backup-stream.ts";
import type { DataDirectory } from "./data-dir.ts";
import type { Providers } from "./providers.ts";

export type BackupDeps = {
  readonly directory: Pick<DataDirectory, "path" | "database" | "clusterId" | "createdAt">;
  readonly copyOut: Providers["copyOut"];
  readonly blobs: Pick<BlobStore, "open">;
  readonly staged: Pick<Staged, "pin">;
  readonly disk: DiskWatch;
  readonly clock: Clock;
  readonly log: Log;
};

/** Where the copy of the database lies while a backup is made of it. */
export const backupCopyName = "backup.db.tmp";

/** Takes away what a killed server left of one. `close` cuts the backup that is under way. */
export async function openBackups(deps: BackupDeps): Promise<Backups & { close(): Promise<void> }> {
  await removeIfThere(join(deps.directory.path, backupCopyName));
  let underWay: BackupStream | null = null;
  let isBusy = false;
  let isClosed = false;

  const begin = async (): Promise<BackupStream> => {
    const begun = await beginBackup(deps, () => {
      underWay = null;
      isBusy = false;
    });
    if (isClosed) {
      await begun.cut();
      throw new GridError("shutting-down", "The server is stopping.");
    }
    return begun;
  };
  return {
    async open() {
      if (isBusy) {
        const message = "Another backup is being made. Try again when it has ended.";
        throw new GridError("overloaded", message, { retry_after_s: 30 });
      }
      isBusy = true;
      try {
        underWay = await begin();
      } catch (error) {
        isBusy = false;
        throw error;
      }
      return underWay.stream;
    },
    async close() {
      isClosed = true;
      await underWay?.cut();
    },
  };
}

async function beginBackup(deps: BackupDeps, onEnd: () => void): Promise<BackupStream> {
  const { directory, staged, log } = deps;
  await requireRoom(deps);
  const path = join(directory.path, backupCopyName);
  await using parts = new AsyncDisposableStack();
  parts.defer(onEnd);
  parts.defer(staged.pin()); // Before the copy: what that names is not taken away any more.
  parts.defer(() => removeIfThere(path));
  const { size, sha256 } = await copyDatabase(deps, path);
  const copy = openStoredCopy(path);
  parts.defer(() => copy.close());
  const takenAt = deps.clock.now();
  const manifest = toManifest(deps, copy.facts(), takenAt, { size, sha256 });
  const opened = parts.move();
  return backupStream({
    manifest,
    takenAt,
    database: path,
    copy,
    blobs: deps.blobs,
    async onEnd(how) {
      log.info("backup.ended", { how, event_seq: manifest.event_seq });
      await opened.disposeAsync();
    },
  });
}

async function copyDatabase({ copyOut }: BackupDeps, path: string) {
  const hash = createSha256();
  let size = 0;
  async function* pieces() {
    for await (const piece of copyOut()) {
      hash.update(piece);
      size += piece.length;
      yield piece;
    }
  }
  await writeScratch(path, pieces());
  return { size, sha256: hash.hex() };
}

function toManifest(
  { directory }: BackupDeps,
  { incarnation, eventSeq }: { readonly incarnation: number; readonly eventSeq: number },
  takenAt: Instant,
  database: BackupManifest["database"],
): BackupManifest {
  return {
    about:
      "A backup of a GridLike server. Put it back with: gridlike restore FILE --data-dir FOLDER",
    format: backupFormat,
    version,
    cluster_id: directory.clusterId,
    cluster_created: directory.createdAt,
    incarnation,
    event_seq: eventSeq,
    taken: toWireInstant(takenAt),
    database,
  };
}

async function requireRoom({ directory, disk }: BackupDeps): Promise<void> {
  const needed = ((await sizeOrNull(directory.database)) ?? 0) + reserveBytes;
  const { freeBytes, sizeBytes } = await disk.state();
  if (sizeBytes === 0 || freeBytes >= needed) return;
  throw new GridError(
    "disk-low",
    `A backup needs ${needed} bytes on the server's disk for a copy of the database, and ${freeBytes} are left. Free some space.`,
    { free_bytes: freeBytes, needed_bytes: needed },
  );
}
