// Whether a directory is fit to keep a grid: it can be made and changed, others cannot write to it, and its
// disk syncs and locks as a local one does. Each refusal names the path and the remedy.

import { join } from "node:path";
import { errorCodeOf, isDiskFull, makePrivateDirectory } from "../platform/durable-files.ts";
import { mayChange, othersMay } from "../platform/file-system.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { Log } from "../platform/log.ts";
import { StartError } from "../platform/start-error.ts";

export type Inspection = {
  readonly path: string;
  /** Names within it that must be ours to change where they exist. */
  readonly names: readonly string[];
  /** Takes a disk or permissions that would else be refused. */
  readonly force: boolean;
  readonly fileSystemOf: (path: string) => Promise<FileSystem>;
  readonly log: Log;
};

export async function requireFitDirectory(inspection: Inspection): Promise<void> {
  const { path, names } = inspection;
  await requireDirectory(path);
  for (const name of [".", ...names]) {
    if ((await mayChange(join(path, name))) === false) throw notOurs(join(path, name));
  }
  await requireClosedToOthers(inspection);
  await requireLocalDisk(inspection);
}

async function requireDirectory(path: string): Promise<void> {
  try {
    await makePrivateDirectory(path);
  } catch (error) {
    throw new StartError(3, sentenceFor(path, error), { cause: error });
  }
}

function sentenceFor(path: string, error: unknown): string {
  const code = errorCodeOf(error);
  if (code === "EEXIST" || code === "ENOTDIR") {
    return `The data directory ${path} cannot be made: a file stands in its way. Remove that file, or set data_dir to another directory.`;
  }
  if (isDiskFull(error)) {
    return `The data directory ${path} cannot be made: the disk is full. Free space on it, or set data_dir to another disk.`;
  }
  return `The data directory ${path} cannot be made (${code ?? "unknown error"}). Make it yourself and give it to the user that runs the server, or set data_dir to a directory that user may write to.`;
}

function notOurs(path: string): StartError {
  return new StartError(
    3,
    `${path} cannot be changed by the user that runs this server. Give the data directory with all in it to that user (chown -R), mount its disk for writing, or set data_dir to another directory.`,
  );
}

// Whoever may write here can replace the database or take the lock away, so that is refused. Who may only
// enter finds directories of mode 0700 and files of mode 0600: that is worth a warning. A group that may write
// was chosen by somebody, as container platforms do. What stands is not changed: others may rely on it.
async function requireClosedToOthers({ path, force, log }: Inspection): Promise<void> {
  const open = await othersMay(path);
  if (open === "nothing") return;
  if (open === "write" && !force) {
    throw new StartError(
      3,
      `Every user of this machine may write to the data directory ${path}. Close it with "chmod 700 ${path}", or set data_dir to a directory within it, which the server then makes for itself alone.`,
    );
  }
  log.warn("data-dir.open-to-others", { path, others_may: open, remedy: `chmod 700 ${path}` });
}

// A network disk may answer a sync before the bytes are safe and forget locks, and SQLite's shared memory does
// not work across machines. A file system in memory works, but keeps no promise beyond the next boot.
async function requireLocalDisk(inspection: Inspection): Promise<void> {
  const { path, force, log } = inspection;
  const { kind, name } = await inspection.fileSystemOf(path);
  if (kind === "local") return;
  if (kind === "network" && !force) {
    throw new StartError(
      3,
      `The data directory ${path} lies on a network file system (${name}), where locks and syncs cannot be relied upon. Set data_dir to a directory on a local disk, or force the start and accept that the database may be lost.`,
    );
  }
  log.warn("data-dir.disk", { path, kind, name });
}
