// Puts a backup into an empty data directory. It is read twice: first it is only held against its own hashes, then it
// is written, and held against them again. IDENTITY comes last, so that a directory that was not finished is none.

import { join, resolve } from "node:path";
import { shardOf } from "../blobs/disk/shards.ts";
import { GridError } from "../domain/errors.ts";
import { copyChunkBytes, copyPageSize } from "../domain/limits.ts";
import {
  errorCodeOf,
  isDiskFull,
  makePrivateDirectory,
  namesIn,
  removeTree,
  syncDirectory,
  writeNew,
} from "../platform/durable-files.ts";
import { factsOf } from "../platform/file-system.ts";
import { openSource } from "../platform/source-file.ts";
import { StartError } from "../platform/start-error.ts";
import { openStoredCopy } from "../store/sqlite/stored-copy.ts";
import { databaseName } from "./data-dir.ts";
import { replaceHighWater } from "./high-water.ts";
import { writeIdentity } from "./identity.ts";
import { readBackup, type BackupPart, type ReadBackup } from "./read-backup.ts";

export type RestoreOptions = {
  /** The file of the backup. */
  readonly source: string;
  /** An empty directory, or one that is not there yet. */
  readonly target: string;
};

/** Throws StartError for a target or a source that cannot be used, and `malformed` for what is no whole backup. */
export async function restore({ source, target }: RestoreOptions): Promise<ReadBackup> {
  const path = resolve(target);
  await requireEmpty(path);
  const seen = await readBackup(fileBytes(source), drain);
  const isMade = await makeTarget(path);
  try {
    const written = await writeParts(source, path, new Set(seen.end.damaged));
    requireSame(seen, written);
    await requireWhole(path, seen);
    const { cluster_id: clusterId, cluster_created: createdAt, ...manifest } = seen.manifest;
    const { incarnation, event_seq: eventSeq } = manifest;
    await replaceHighWater(path, { incarnation, eventSeq });
    await writeIdentity(path, { clusterId, createdAt, state: "in-use" });
    return seen;
  } catch (error) {
    await takeAway(path, isMade).catch(() => {}); // The first error is the one to tell.
    throw isDiskFull(error) ? diskFull(path, error) : error;
  }
}

async function requireEmpty(path: string): Promise<void> {
  const facts = await factsOf(path);
  if (facts === null) return;
  if (facts.kind !== "directory") {
    throw new StartError(2, `${path} is no directory. Name another one with --data-dir.`);
  }
  const names = (await namesIn(path)).filter((name) => name !== "lost+found");
  if (names.length === 0) return;
  throw new StartError(
    2,
    `The directory ${path} is not empty (${names[0]}). Name an empty one with --data-dir, or one that does not exist yet.`,
  );
}

/** True when there was none before. */
async function makeTarget(path: string): Promise<boolean> {
  try {
    return await makePrivateDirectory(path);
  } catch (error) {
    throw new StartError(
      3,
      `The directory ${path} cannot be made (${errorCodeOf(error) ?? "unknown error"}). Make it yourself, for the user that is to run the server.`,
      { cause: error },
    );
  }
}

async function writeParts(
  source: string,
  path: string,
  damaged: ReadonlySet<string>,
): Promise<ReadBackup> {
  const blobs = join(path, "blobs");
  const shards = new Set<string>();
  await makePrivateDirectory(blobs);
  const sink = async ({ blob }: BackupPart, bytes: AsyncIterable<Uint8Array>) => {
    if (blob === null) return writeNew(join(path, databaseName), bytes);
    if (damaged.has(blob)) return drain({ blob, size: 0 }, bytes);
    const shard = join(blobs, shardOf(blob));
    if (!shards.has(shard)) await makePrivateDirectory(shard);
    shards.add(shard);
    await writeNew(join(shard, blob), bytes);
  };
  const written = await readBackup(fileBytes(source), sink);
  for (const directory of [...shards, blobs, path]) await syncDirectory(directory);
  return written;
}

/** The file may have been replaced between the two looks. */
function requireSame(seen: ReadBackup, written: ReadBackup): void {
  if (seen.end.listing_sha256 === written.end.listing_sha256) {
    if (seen.manifest.database.sha256 === written.manifest.database.sha256) return;
  }
  throw new GridError("malformed", "The backup changed while it was read. Try again.");
}

/** The database is sound, and every blob that it names is here or known to have been lost before. */
async function requireWhole(path: string, { end }: ReadBackup): Promise<void> {
  const copy = openStoredCopy(join(path, databaseName));
  try {
    const fault = copy.kind === "ours" ? (copy.check("quick")[0] ?? null) : "it is not one of ours";
    if (fault !== null) throw malformed(`its database is damaged: ${fault}`);
    const lost = new Set(end.damaged);
    for (let after: string | null = ""; after !== null;) {
      const page = copy.blobs(after, copyPageSize);
      for (const { name } of page) {
        const isHere = (await factsOf(join(path, "blobs", shardOf(name), name))) !== null;
        if (!isHere && !lost.has(name)) throw malformed(`the blob ${name} is missing`);
      }
      after = page.length < copyPageSize ? null : (page.at(-1)?.name ?? null);
    }
  } finally {
    copy.close();
  }
}

async function takeAway(path: string, isMade: boolean): Promise<void> {
  if (isMade) return removeTree(path);
  for (const name of await namesIn(path)) {
    if (name !== "lost+found") await removeTree(join(path, name));
  }
}

async function drain(_part: BackupPart, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  const file = await openSource(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    for (let at = 0; ;) {
      const piece = await file.read(at, copyChunkBytes).catch((error: unknown) => {
        throw unreadable(path, error);
      });
      if (piece.length === 0) return;
      at += piece.length;
      yield piece;
    }
  } finally {
    await file.close();
  }
}

function malformed(what: string): GridError {
  return new GridError("malformed", `This is no whole backup: ${what}.`);
}

function unreadable(path: string, error: unknown): StartError {
  return new StartError(
    3,
    `The backup ${path} cannot be read (${errorCodeOf(error) ?? "unknown error"}). Name a file that this user may read.`,
    { cause: error },
  );
}

function diskFull(path: string, cause: unknown): StartError {
  return new StartError(
    3,
    `The disk of ${path} is full; nothing was left there. Free space on it, then restore again.`,
    { cause },
  );
}
