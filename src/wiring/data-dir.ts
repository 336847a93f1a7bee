// Opens the directory that holds all of a server's state, for one server at a time: the lock is held until it
// is closed or the process ends. Refuses a directory in which something is missing, foreign or of another
// version, always with the remedy, and never mends by guessing.

import { join, resolve } from "node:path";
import { createIds } from "../platform/ids.ts";
import type { Clock } from "../platform/clock.ts";
import {
  errorCodeOf,
  isDiskFull,
  makeFile,
  makePrivateDirectory,
  namesIn,
} from "../platform/durable-files.ts";
import { fileSystemOf, sizeOrNull } from "../platform/file-system.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { holdLock } from "../store/sqlite/lock-file.ts";
import type { LockFile } from "../store/sqlite/lock-file.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { StartError } from "../platform/start-error.ts";
import { heldByAnother, removeHolder, writeHolder } from "./holder.ts";
import { higher, readHighWater, replaceHighWater } from "./high-water.ts";
import type { HighWater } from "./high-water.ts";
import { createIdentity, readIdentity, writeIdentity } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { requireFitDirectory } from "./inspect-directory.ts";

export type DataDirectory = {
  readonly path: string;
  /** The file of the database. It exists; empty means that the database is yet to be made. */
  readonly database: string;
  /** The directory of the blobs. */
  readonly blobs: string;
  readonly clusterId: string;
  /** When the directory was made, as IDENTITY tells it. */
  readonly createdAt: string;
  /** How far the database had come, or null in a new directory. */
  readonly highWater: HighWater | null;
  /** Remembers how far the database has come. The numbers must be durable in it; lower ones are no error. */
  writeHighWater(mark: HighWater): Promise<void>;
  /** Tells where the server answers, for whoever tries to open the directory meanwhile. */
  noteAddress(address: string): Promise<void>;
  /** Gives the directory free; twice is no error. Close first what works in it. */
  close(): Promise<void>;
};

export type DataDirectoryOptions = {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes a network disk, and a directory that everybody may write to. */
  readonly force?: boolean;
  /** Another answer to what disk a path lies on; tests give one. */
  readonly fileSystemOf?: (path: string) => Promise<FileSystem>;
};

export const databaseName = "grid.db";
export const lockName = "lock";
/** The server's own certificate and its key, where it made one. */
export const certificateName = "tls.pem";
const ours = [
  "IDENTITY",
  "HIGH-WATER",
  "HOLDER",
  "RESERVE",
  certificateName,
  lockName,
  "blobs",
  "uploads",
];
/** Names of all that a server keeps directly in its directory. */
export const ownNames: readonly string[] = [...ours, databaseName];
const databaseNames = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`];

/** What may lie in a directory that becomes ours: what a start cut short leaves, and the system's own. */
const harmless = [lockName, "IDENTITY.tmp", "lost+found"];

export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  const path = resolve(options.path);
  await requireFitDirectory({
    path,
    names: [...ours, ...databaseNames],
    force: options.force ?? false,
    fileSystemOf: options.fileSystemOf ?? fileSystemOf,
    log: options.log,
  });
  await requireOursOrEmpty(path); // before anything is put there
  const lock = await requireLock(path);
  try {
    const highWater = await readHighWater(path);
    const identity = await readOrMakeIdentity(path, options);
    await requireDatabase(path, identity, highWater);
    if (identity.state === "in-use" && highWater === null) {
      options.log.warn("data-dir.no-high-water", { path }); // a database that went back in time goes unnoticed
    }
    await makePrivateDirectory(join(path, "blobs"));
    await writeHolder(path, options.clock.now(), null);
    return createDataDirectory({ path, lock, identity, highWater, clock: options.clock });
  } catch (error) {
    lock.release();
    throw isDiskFull(error) ? diskFull(path, error) : error;
  }
}

function createDataDirectory(opened: {
  readonly path: string;
  readonly lock: LockFile;
  readonly identity: Identity;
  readonly highWater: HighWater | null;
  readonly clock: Clock;
}): DataDirectory {
  const { path, lock, highWater, clock } = opened;
  let { identity } = opened;
  let mark = highWater;
  let isClosed = false;
  let writing: Promise<void> = Promise.resolve();

  const write = async (next: HighWater) => {
    mark = higher(mark, next);
    await replaceHighWater(path, mark);
    if (identity.state === "in-use") return;
    const inUse: Identity = { ...identity, state: "in-use" };
    await writeIdentity(path, inUse);
    identity = inUse;
  };
  return {
    path,
    database: join(path, databaseName),
    blobs: join(path, "blobs"),
    clusterId: identity.clusterId,
    createdAt: identity.createdAt,
    highWater,
    writeHighWater: (next) => {
      const written = writing.then(() => write(next));
      writing = written.catch(() => {}); // told to who asked for it; the next one tries again
      return written;
    },
    noteAddress: (address) => writeHolder(path, clock.now(), address),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await writing;
      await removeHolder(path).catch(() => {}); // the lock is what counts
      lock.release();
    },
  };
}

async function requireLock(path: string): Promise<LockFile> {
  const file = join(path, lockName);
  const lock = await holdLock(file).catch((error: unknown) => {
    throw new StartError(
      3,
      `The lock ${file} cannot be taken (${errorCodeOf(error) ?? "unknown error"}). If the disk is sound, stop every server that uses this directory and remove the file.`,
      { cause: error },
    );
  });
  if (lock === null) throw await heldByAnother(path);
  return lock;
}

async function readOrMakeIdentity(path: string, options: DataDirectoryOptions): Promise<Identity> {
  const found = await readIdentity(path);
  if (found !== null) return found;
  const { clock, random } = options;
  const made = createIdentity(createIds(clock, random)(), clock.now());
  await writeIdentity(path, made);
  return made;
}

// Only while nothing was promised may the database be missing. It is made here, empty, for its owner alone.
async function requireDatabase(
  path: string,
  { state }: Identity,
  highWater: HighWater | null,
): Promise<void> {
  const file = join(path, databaseName);
  const size = await sizeOrNull(file);
  const isPromised = state === "in-use" || highWater !== null;
  if (isPromised && (size === null || size === 0)) throw databaseLost(file, size);
  if (size === null) await makeFile(file);
}

async function requireOursOrEmpty(path: string): Promise<void> {
  const names = (await namesIn(path)).filter((name) => !harmless.includes(name));
  if (names.length === 0 || names.includes("IDENTITY")) return;
  if (names.includes(databaseName)) {
    throw new StartError(
      3,
      `The data directory ${path} has a database but no file IDENTITY, so that nobody can tell which grid it belongs to. Restore IDENTITY from a backup of the directory, or set data_dir to another directory.`,
    );
  }
  throw new StartError(
    2,
    `The directory ${path} holds other files (${names[0]}) and is no data directory. Set data_dir to an empty directory, or to one that does not exist yet.`,
  );
}

function diskFull(path: string, cause: unknown): StartError {
  return new StartError(
    3,
    `The disk of the data directory ${path} is full. Free space on it, then start again.`,
    { cause },
  );
}

function databaseLost(file: string, size: number | null): StartError {
  const what = size === null ? "is gone" : "is empty";
  return new StartError(
    3,
    `The database ${file} ${what}, though this directory was in use. Restore the database from a backup, or move the whole directory away to begin anew without its jobs.`,
  );
}
