// The folder that a job works in, when files of others are put there and taken from there: nothing is followed that
// could lead out of it, and nothing is replaced. Paths are relative, with slashes, and were checked before.

import { constants } from "node:fs";
import { lstat, mkdir, open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf, writeAll } from "./durable-files.ts";
import { readPieces } from "./read-pieces.ts";

/** What tells whether a file was changed. */
export type FileStamp = string;

export type FoundFile = {
  readonly path: string;
  readonly size: number;
  readonly isExecutable: boolean;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  readonly stamp: FileStamp;
};

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY } = constants;
/** Windows has no such flag, and no links that a user without rights could make. */
const noFollow = O_NOFOLLOW ?? 0;

/** Makes a file that must not be there yet, and the folders above it. */
export async function putFile(
  folder: string,
  path: string,
  isExecutable: boolean,
  pieces: AsyncIterable<Uint8Array>,
): Promise<FileStamp> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const mode = isExecutable ? 0o755 : 0o644;
  const file = await open(target, O_WRONLY | O_CREAT | O_EXCL | noFollow, mode);
  try {
    for await (const piece of pieces) await writeAll(file, piece);
    return stampOf(await file.stat({ bigint: true }));
  } finally {
    await file.close();
  }
}

/** All plain files below a folder, links left alone, in the order of their names. */
export async function* filesBelow(
  folder: string,
  isWanted: (path: string) => boolean,
  below = "",
): AsyncGenerator<FoundFile, void, undefined> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (!isWanted(path)) continue;
    if (entry.isDirectory()) yield* filesBelow(folder, isWanted, path);
    else if (entry.isFile()) {
      const found = await fileAt(folder, path);
      if (found !== null) yield found;
    }
  }
}

/** A plain file, or null where none is. The last part of the path is not followed when it is a link. */
export async function fileAt(folder: string, path: string): Promise<FoundFile | null> {
  try {
    const facts = await lstat(join(folder, path), { bigint: true });
    if (!facts.isFile()) return null;
    return {
      path,
      size: Number(facts.size),
      isExecutable: (facts.mode & 0o100n) !== 0n,
      modifiedAt: Number(facts.mtimeMs) / 1000,
      stamp: stampOf(facts),
    };
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** Its bytes, never those of a link. */
export async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* readPieces(await open(path, O_RDONLY | noFollow), pieceBytes);
}

/** Whether a path fits a pattern such as `out/*.png`; a pattern without wildcards is the path itself. */
export function fitsPattern(path: string, pattern: string): boolean {
  return path === pattern || new Bun.Glob(pattern).match(path);
}

const pieceBytes = 256 * 1024;

function stampOf(facts: {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}): FileStamp {
  return `${facts.size} ${facts.mtimeNs} ${facts.ino}`;
}
