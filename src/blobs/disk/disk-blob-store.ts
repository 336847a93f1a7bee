// Bytes as files: `<first two hex digits>/<sha256>.<16 random hex digits>` below one directory. A file appears
// under its name only when it is whole and on the disk; until then it lies in `tmp/`, on the same file system,
// which is emptied when the store opens. The caller holds the lock of the data directory around it.

import { open, readdir, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { blobNameChanceBytes, requireBlobName, toBlobName } from "../blob-name.ts";
import { requireRange, tooLarge } from "../blob-rules.ts";
import { listBlobs } from "./list-blobs.ts";
import { createReadStream } from "./read-stream.ts";
import { createShards, shardOf } from "./shards.ts";
import { openStagingFile } from "./staging-file.ts";
import type { StagingFile } from "./staging-file.ts";
import { GridError } from "../../domain/errors.ts";
import type { BlobRef, ByteRange } from "../../domain/blob-ref.ts";
import {
  errorCodeOf,
  isDiskFull,
  makePrivateDirectory,
  removeIfThere,
  syncDirectory,
} from "../../platform/durable-files.ts";
import type { Random } from "../../platform/random.ts";
import type { BlobStore } from "../blob-store.ts";

export type DiskBlobStoreDeps = { readonly directory: string; readonly random: Random };

export async function openDiskBlobStore(deps: DiskBlobStoreDeps): Promise<BlobStore> {
  const { directory, random } = deps;
  const staging = join(directory, "tmp");
  await makePrivateDirectory(staging);
  await emptyStaging(staging);
  const pathOf = (name: string) => join(directory, shardOf(requireBlobName(name)), name);
  const publish = createPublish(deps, pathOf);
  // Holds the files of uploads under way: the run time ends a process that forgets an open one.
  const underway = new Set<StagingFile>();

  return {
    put: async (source, sizeBytesMax) => {
      let file: StagingFile | null = null;
      let size = 0;
      const requireFile = async () => {
        file ??= await openStagingFile(join(staging, random.bytes(16).toHex()));
        underway.add(file);
        return file;
      };
      try {
        // Opened within the loop, so that the source is let go when that fails.
        for await (const chunk of source) {
          size += chunk.length;
          if (size > sizeBytesMax) throw tooLarge(sizeBytesMax);
          await (await requireFile()).write(chunk);
        }
        file = await requireFile();
        const sha256 = await file.finish();
        return { sha256, size, name: await publish(file.path, sha256) };
      } catch (error) {
        await dropQuietly(file);
        throw isDiskFull(error) ? diskFull(size, error) : error;
      } finally {
        if (file !== null) underway.delete(file);
      }
    },
    open: async (ref, range) => {
      const part = requireRange(ref, range);
      const file = await openOrNull(pathOf(ref.name));
      return file === null ? null : streamOrNull(file, ref, part);
    },
    list: async (after, limit) =>
      listBlobs(directory, after === null ? "" : requireBlobName(after), limit),
    delete: async (name) => removeIfThere(pathOf(name)),
    close: async () => {
      for (const file of underway) await dropQuietly(file); // their uploads fail
    },
  };
}

/** Gives a finished file its name; the name is durable when the promise resolves. */
function createPublish({ directory, random }: DiskBlobStoreDeps, pathOf: (name: string) => string) {
  const shards = createShards(directory);
  return async (path: string, sha256: string): Promise<string> => {
    const name = toBlobName(sha256, random.bytes(blobNameChanceBytes));
    const shard = await shards.require(shardOf(name));
    try {
      await rename(path, pathOf(name));
      await syncDirectory(shard);
      return name;
    } catch (error) {
      shards.forget(shardOf(name)); // somebody may have removed it; the next upload makes it again
      await removeIfThere(pathOf(name));
      throw error;
    }
  };
}

// Takes away only names that this store gives, so that a wrong directory loses nothing.
async function emptyStaging(staging: string): Promise<void> {
  for (const name of await readdir(staging)) {
    if (/^[0-9a-f]{32}$/.test(name)) await removeIfThere(join(staging, name));
  }
}

// What cannot be taken away now is taken away when the store opens next; the first error is the one to tell.
async function dropQuietly(file: StagingFile | null): Promise<void> {
  await file?.drop().catch(() => {});
}

// No path in the sentence: it travels to whoever sent the bytes.
function diskFull(size: number, cause: unknown): GridError {
  return new GridError(
    "disk-low",
    `The server's disk is full: it took no more after ${size} bytes and keeps none of them. Free space on it, then send them again.`,
    {},
    { cause },
  );
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  return open(path, "r").catch((error) => {
    if (errorCodeOf(error) === "ENOENT") return null;
    throw error;
  });
}

async function streamOrNull(file: FileHandle, ref: BlobRef, part: ByteRange) {
  try {
    const { size } = await file.stat();
    if (size === ref.size) return createReadStream(file, part);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return null; // damaged: these are not the bytes that the record names
}
