// A lock that one process at a time can hold and that the kernel takes back when the process ends, however it
// ends. Bun offers no file locks of its own; SQLite has them on every platform, so the file is an empty
// database inside an exclusive transaction that never writes.

import { Database } from "bun:sqlite";
import { open } from "node:fs/promises";
import { errorCodeOf } from "./durable-files.ts";

export type LockFile = {
  /** Gives the lock back; twice is no error. */
  release(): void;
};

/** A lock nobody refers to any more would be collected, and given back while its owner still runs. */
const held = new Set<Database>();

/** Null when somebody holds the lock, this process included. Throws when the file cannot be used. */
export async function holdLock(path: string): Promise<LockFile | null> {
  await makeLockFile(path);
  const database = new Database(path);
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA journal_mode = MEMORY"); // else it leaves an empty journal beside it
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (errorCodeOf(error)?.startsWith("SQLITE_BUSY")) return null;
    throw error;
  }
  held.add(database);
  return {
    release: () => {
      if (held.delete(database)) database.close();
    },
  };
}

// Never opens a file that is there: closing it again would give back the lock that this process may hold on it.
async function makeLockFile(path: string): Promise<void> {
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}
