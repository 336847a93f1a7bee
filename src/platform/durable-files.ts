// Files of the data directory: what is written here is on the disk, under its name, when the promise resolves.
// Nothing blocks the event loop, and no error is hidden: a sync that failed must stop the server.

import { rmSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** The system's name of what went wrong, like `ENOENT`; null for errors of another kind. */
export function errorCodeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** The disk, its quota or its table of files is used up. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Makes the names within a directory durable. Windows has no such call and writes names through. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes a directory that its owner alone may enter, and those above it that are missing. True when it was missing. */
export async function makePrivateDirectory(path: string): Promise<boolean> {
  const whole = resolve(path);
  const first = await mkdir(whole, { recursive: true, mode: 0o700 });
  if (first === undefined) return false;
  for (let made = whole; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
  return true;
}

/** Writes all bytes, however few the system takes at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    offset += (await file.write(bytes, offset, bytes.length - offset)).bytesWritten;
  }
}

/** Makes a file of these pieces, or replaces it; when that fails nothing of it is left. One caller at a time. */
export async function writeWhole(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    const file = await open(draft, "w", 0o600);
    try {
      for await (const piece of pieces) await writeAll(file, piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await removeIfThere(draft).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes a file that must not be there yet. Its bytes are durable then; its name is once its directory was synced. */
export async function writeNew(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of pieces) await writeAll(file, piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes a file, or a directory with all that lies in it; what is gone already is no error. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Replaces a small file at once: after a crash its old or its new text is found, never a mixture. One caller at a time. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeWhole(path, [new TextEncoder().encode(text)]);
}

/** Makes an empty file unless it stands already; that one is not even opened. Its name becomes durable later. */
export async function makeFile(path: string): Promise<void> {
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

/** The names of all that lies in a directory, in order. */
export async function namesIn(path: string): Promise<readonly string[]> {
  return (await readdir(path)).sort();
}

/** The text of a file, or null when there is none. */
export async function readTextOrNull(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error) => {
    if (errorCodeOf(error) === "ENOENT") return null;
    throw error;
  });
}

/** Removes a file before it returns, for the moment when nothing else may happen first. */
export function removeNow(path: string): void {
  rmSync(path, { force: true });
}

/** Removes a file; one that is gone already is no error. */
export async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error) => {
    if (errorCodeOf(error) !== "ENOENT") throw error;
  });
}
