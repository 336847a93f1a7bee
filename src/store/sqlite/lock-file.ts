// A lock that one process at a time can hold and that the kernel takes back when the process ends, however it
// ends. Bun offers no file locks of its own; SQLite has them on every platform, so the file is an empty
// database inside an exclusive transaction that never writes.

import { Database } from "bun:sqlite";
import { errorCodeOf, makeFile } from "../../platform/durable-files.ts";

export type LockFile = {
  /** Gives the lock back; twice is no error. */
  release(): void;
};

/** A lock nobody refers to any more would be collected, and given back while its owner still runs. */
const held = new Set<Database>();

/** Null when somebody holds the lock, this process included. Throws when the file cannot be used. */
export async function holdLock(path: string): Promise<LockFile | null> {
  await makeFile(path); // opens none that stands: closing it would give back a lock that this process holds
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
