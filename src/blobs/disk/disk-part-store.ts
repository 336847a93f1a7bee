// Uploads in parts as files, one each, in a directory of their own that no start empties. A part counts once its
// bytes are synced and the file bears the new size in its name: a crash at any instant leaves the former size.

import { open, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import type { Clock } from "../../platform/clock.ts";
import {
  errorCodeOf,
  isDiskFull,
  makePrivateDirectory,
  removeIfThere,
  syncDirectory,
} from "../../platform/durable-files.ts";
import type { PartStore, PartWriter, StoredParts } from "../part-store.ts";
import { openPartFile, partFileOf, readPartFiles } from "./part-files.ts";
import { createReadStream } from "./read-stream.ts";

export type DiskPartStoreDeps = {
  readonly directory: string;
  readonly clock: Clock;
  /** The disk failed: nothing more can be promised. */
  readonly onBroken: (error: unknown) => void;
};

type Deps = DiskPartStoreDeps & {
  readonly partsByName: Map<string, StoredParts>;
  readonly underWay: Set<FileHandle>;
};

export async function openDiskPartStore(given: DiskPartStoreDeps): Promise<PartStore> {
  const { directory } = given;
  await makePrivateDirectory(directory);
  const partsByName = await readPartFiles(directory);
  // Holds open files: the run time ends a process that forgets one.
  const deps: Deps = { ...given, partsByName, underWay: new Set() };

  const remove = async (name: string) => {
    const parts = partsByName.get(name);
    if (parts === undefined) return;
    partsByName.delete(name);
    await removeIfThere(join(directory, partFileOf(name, parts)));
  };
  return {
    find: (name) => partsByName.get(name) ?? null,
    count: () => partsByName.size,
    async append(name, at) {
      const isNew = at.size === 0;
      assert(isNew || at.size === partsByName.get(name)?.size, "parts follow one another");
      if (isNew) await remove(name);
      return guard(deps, () => openWriter(deps, name, at));
    },
    async open(name, range) {
      const parts = partsByName.get(name);
      assert(parts !== undefined, "only what is kept is read");
      assert(range.start + range.length <= parts.size, "only what is kept is read");
      return createReadStream(await open(join(directory, partFileOf(name, parts)), "r"), range);
    },
    delete: remove,
    async sweep(before) {
      const old = [...partsByName].filter(([, { changedAt }]) => changedAt < before);
      for (const [name] of old) await remove(name);
      return old.length;
    },
    async close() {
      for (const file of deps.underWay) await file.close().catch(() => {}); // their uploads fail
    },
  };
}

async function openWriter(
  deps: Deps,
  name: string,
  at: Pick<StoredParts, "size" | "total">,
): Promise<PartWriter> {
  const { directory, partsByName, underWay, clock } = deps;
  const path = join(directory, partFileOf(name, at));
  const file = await openPartFile(path, at.size);
  underWay.add(file);
  let { size } = at;

  const close = async () => {
    underWay.delete(file);
    await file.close();
  };
  return {
    write: (chunk) =>
      guard(deps, async () => {
        await writeAt(file, chunk, size);
        size += chunk.length;
      }),
    keep: () =>
      guard(deps, async () => {
        await file.datasync().finally(close);
        const kept = { size, total: at.total, changedAt: clock.now() };
        const keptPath = join(directory, partFileOf(name, kept));
        if (keptPath !== path) await rename(path, keptPath);
        await syncDirectory(directory);
        partsByName.set(name, kept);
      }),
    async drop() {
      await close();
      if (at.size === 0) await removeIfThere(path);
    },
  };
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await file.write(
      bytes,
      offset,
      bytes.length - offset,
      position + offset,
    );
    offset += bytesWritten;
  }
}

async function guard<T>({ onBroken }: Deps, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errorCodeOf(error) === "EIO") onBroken(error);
    throw isDiskFull(error) ? diskFull(error) : error;
  }
}

// No path in the sentence: it travels to whoever sent the bytes.
function diskFull(cause: unknown): GridError {
  return new GridError(
    "disk-low",
    "The server's disk is full: it keeps the parts that it has told to have. Free space on it, then go on from Upload-Offset.",
    {},
    { cause },
  );
}
