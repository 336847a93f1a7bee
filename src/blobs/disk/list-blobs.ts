// Walks the shards in the order of their names, which is the order of the names within them. Files that are
// none of ours are passed over.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isBlobName } from "../blob-name.ts";
import { isShard, shardOf } from "./shards.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import type { StoredBlob } from "../blob-store.ts";

/** At most `limit` blobs whose names come after `after`; fewer only when there are no more. */
export async function listBlobs(
  directory: string,
  after: string,
  limit: number,
): Promise<readonly StoredBlob[]> {
  const found: StoredBlob[] = [];
  for (const shard of await shardsFrom(directory, shardOf(after))) {
    for (const name of await namesAfter(join(directory, shard), shard, after)) {
      if (found.length >= limit) return found;
      const blob = await statOrNull(join(directory, shard, name), name);
      if (blob !== null) found.push(blob);
    }
  }
  return found;
}

async function shardsFrom(directory: string, first: string): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names.filter((name) => isShard(name) && name >= first).sort();
}

async function namesAfter(path: string, shard: string, after: string): Promise<readonly string[]> {
  const names = await readdir(path);
  return names.filter((name) => isBlobName(name) && shardOf(name) === shard && name > after).sort();
}

async function statOrNull(path: string, name: string): Promise<StoredBlob | null> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { name, size, storedAt: Math.floor(mtimeMs) };
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return null; // deleted since its name was read
    throw error;
  }
}
