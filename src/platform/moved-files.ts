// Files that change their place, and folders that come and go with a job: small verbs of the file system.

import { chmod, copyFile, mkdir, open, rename, rmdir } from "node:fs/promises";
import { errorCodeOf, removeIfThere, removeTree } from "./durable-files.ts";

/** Moves a file, to another file system too, and makes it its owner's alone. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCodeOf(error) !== "EXDEV") throw error;
    await copyFile(from, to);
    await removeIfThere(from);
  }
  await chmod(to, 0o600);
}

/** Makes the bytes of a file durable; its name becomes so with its folder. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes one folder that its owner alone may enter; it must not be there yet. Not durable, which costs nothing. */
export async function makeScratchFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
}

/** Removes a folder with all that lies in it. An empty one, as most are, costs one call of the system. */
export async function removeScratchFolder(path: string): Promise<void> {
  await rmdir(path).catch(() => removeTree(path));
}
