// A blob on its way in: a file in `tmp/` that is hashed while it grows. Small chunks are gathered, so that a
// stream of tiny ones does not cost a system call each. It ends as a durable file or leaves nothing.

import { open } from "node:fs/promises";
import { createSha256 } from "../hashing.ts";
import { blobChunkBytesMax } from "../../domain/limits.ts";
import { removeIfThere, writeAll } from "../../platform/durable-files.ts";

export type StagingFile = {
  readonly path: string;
  /** Takes a copy of the chunk, or writes it before it returns: the caller may use its buffer again. */
  write(chunk: Uint8Array): Promise<void>;
  /** All bytes are on the disk and the file is closed; answers with their hash. */
  finish(): Promise<string>;
  /** Takes the file away, wherever it was left. */
  drop(): Promise<void>;
};

export async function openStagingFile(path: string): Promise<StagingFile> {
  const file = await open(path, "wx", 0o600);
  const hash = createSha256();
  let gathered: Uint8Array | null = null;
  let gatheredBytes = 0;

  const flush = async () => {
    if (gathered === null || gatheredBytes === 0) return;
    await writeAll(file, gathered.subarray(0, gatheredBytes));
    gatheredBytes = 0;
  };
  return {
    path,
    write: async (chunk) => {
      hash.update(chunk);
      if (gatheredBytes + chunk.length > blobChunkBytesMax) await flush();
      if (chunk.length >= blobChunkBytesMax) return writeAll(file, chunk);
      gathered ??= new Uint8Array(blobChunkBytesMax);
      gathered.set(chunk, gatheredBytes);
      gatheredBytes += chunk.length;
    },
    finish: async () => {
      await flush();
      await file.datasync();
      await file.close();
      return hash.hex();
    },
    drop: async () => {
      await file.close();
      await removeIfThere(path);
    },
  };
}
