// Files that a person asked for, made with the rights that the person's own programs give to files. A file gets its
// name when it is whole.

import { mkdir, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeAll } from "./durable-files.ts";

/** Makes a folder and those above it; one that stands is no error. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Makes or replaces a file; when that fails nothing of it is left. */
export async function writeUserFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = join(dirname(path), `.gridlike-${process.pid}-${shortName(basename(path))}.part`);
  try {
    const file = await open(draft, "w");
    try {
      for await (const piece of pieces) await writeAll(file, piece);
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => {}); // The first error is the one to tell.
    throw error;
  }
}

/** Names may be as long as a file system takes, so a draft's name is made of a hash. */
function shortName(name: string): string {
  return Bun.hash(name).toString(36);
}

/** SHA-256 of a file's bytes, as 64 hex digits. */
export async function sha256OfFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const stream = Bun.file(path).stream() as unknown as AsyncIterable<Uint8Array>; // As streams of Bun are.
  for await (const bytes of stream) hasher.update(bytes);
  return hasher.digest("hex");
}

/** All that comes on standard input, as text. */
export async function readStdin(): Promise<string> {
  return Bun.stdin.text();
}
