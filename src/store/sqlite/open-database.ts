// Opens the file: settings of the engine, the schema and its migrations, and a check after an unclean stop.
// Refuses a file that is of a newer version, that is not ours, or that is damaged.

import { Database } from "bun:sqlite";
import { GridError } from "../../domain/errors.ts";
import { IS_OPEN } from "./read-sql.ts";
import { SCHEMA_1 } from "./schema-1.ts";
import { SCHEMA_2 } from "./schema-2.ts";
import { isBroken, toStoreError } from "./sqlite-errors.ts";
import { UPDATE_OPEN } from "./write-sql.ts";

/** "power": a commit survives a power cut. "process": it survives a killed process, and is cheaper. */
export type Durability = "power" | "process";

/** Each brings a database from the version before it to its own; the first makes it. */
const migrations: readonly string[] = [SCHEMA_1, SCHEMA_2];

/** The newest version that this program knows. */
export const knownVersion = migrations.length;

/** "GRID" in ASCII: tells our files from other databases. */
export const applicationId = 0x47524944;

/** Pages kept in memory: the upper parts of all indexes of a million jobs. */
const cacheKibibytes = 32 * 1024;

/** Pages in the log after which it is copied into the file: longer waits are rarer but last longer. */
export const checkpointPages = 4000;

const lockWaitMs = 5000;

/** Opens the file, reads from it with `use`, and closes it again when either fails. */
export function openDatabase<Opened>(
  file: string,
  durability: Durability,
  use: (db: Database) => Opened,
): Opened {
  let db: Database | null = null;
  try {
    db = new Database(file, { create: true, strict: true });
    prepare(db, file, durability);
    return use(db);
  } catch (error) {
    db?.close(true);
    throw isBroken(error) ? damaged(file, "it cannot be read", error) : toStoreError(error);
  }
}

function prepare(db: Database, file: string, durability: Durability): void {
  db.run(`PRAGMA busy_timeout = ${lockWaitMs}`);
  // Before the first read: then the log needs no shared memory, and a read no locks.
  db.run("PRAGMA locking_mode = EXCLUSIVE");
  const version = readVersion(db, file);
  db.run("PRAGMA journal_mode = WAL");
  db.run(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
  db.run("PRAGMA foreign_keys = ON");
  db.run("PRAGMA trusted_schema = OFF");
  db.run("PRAGMA cell_size_check = ON");
  // Apple's disks take a plain sync as a hint.
  db.run("PRAGMA fullfsync = ON");
  db.run("PRAGMA checkpoint_fullfsync = ON");
  db.run("PRAGMA temp_store = MEMORY");
  db.run(`PRAGMA cache_size = -${cacheKibibytes}`);
  db.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  if (version < migrations.length) migrate(db, version);
  const isOpen = db.query<{ isOpen: number }, []>(IS_OPEN).get()?.isOpen;
  if (isOpen === 1) requireUndamaged(db, file);
  db.query(UPDATE_OPEN).run({ isOpen: 1 });
}

/** Reads the whole file: the last run did not close it. */
function requireUndamaged(db: Database, file: string): void {
  const rows = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").all();
  const found = rows[0]?.quick_check ?? "no answer";
  if (found !== "ok") throw damaged(file, found);
}

function readVersion(db: Database, file: string): number {
  const version = pragma(db, "user_version");
  const isEmpty = pragma(db, "schema_version") === 0;
  if (isEmpty) return 0;
  if (pragma(db, "application_id") !== applicationId || version === 0) {
    throw new GridError(
      "internal",
      `${file} is a database of another program. Name another data directory, or move the file away.`,
    );
  }
  if (version > migrations.length) {
    throw new GridError(
      "internal",
      `${file} has version ${version}; this program knows versions up to ${migrations.length}. Use the newer program that wrote it, or restore a backup of version ${migrations.length}.`,
      { version, known: migrations.length },
    );
  }
  return version;
}

function migrate(db: Database, from: number): void {
  const run = db.transaction(() => {
    for (const sql of migrations.slice(from)) db.run(sql);
    db.run(`PRAGMA application_id = ${applicationId}`);
    db.run(`PRAGMA user_version = ${migrations.length}`);
  });
  run.immediate();
}

function pragma(db: Database, name: "user_version" | "schema_version" | "application_id"): number {
  return db.query<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}

function damaged(file: string, found: string, cause?: unknown): GridError {
  return new GridError(
    "internal",
    `${file} is damaged: ${found}. Keep a copy of it, then restore a backup, or save what can be read with "sqlite3 ${file} .recover".`,
    {},
    { cause },
  );
}
