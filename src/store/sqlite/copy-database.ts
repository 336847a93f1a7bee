// Copies the database while it is in use, without holding up those who use it. In WAL mode the file itself changes
// only when the log is copied into it: that is done once, then put off until the file has been read. What is
// written meanwhile stays in the log and is no part of the copy. See docs/decisions/0008.

import type { Database } from "bun:sqlite";
import { assert } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import { copyChunkBytes } from "../../domain/limits.ts";
import { openSource, type SourceFile } from "../../platform/source-file.ts";
import { closedError } from "./sqlite-errors.ts";

export type DatabaseCopier = {
  /** The whole database as it stands at the first piece; one at a time. Read it to its end soon, or end it. */
  copyOut(): AsyncGenerator<Uint8Array>;
  /** No copy goes on after it; resolves when nothing is being read. Before the database is closed. */
  stop(): Promise<void>;
  /** After the database was closed. */
  close(): Promise<void>;
};

export type CopierDeps = {
  readonly db: Database;
  readonly file: string;
  /** Pages in the log after which it is copied into the file. */
  readonly checkpointPages: number;
  /** Runs what may fail as every other use of the database does. */
  readonly guard: (work: () => void) => Promise<void>;
};

export function createDatabaseCopier(deps: CopierDeps): DatabaseCopier {
  const { db, file, checkpointPages, guard } = deps;
  // Kept open until the database is closed: closing any handle of a file gives back all locks of the process on it.
  let source: SourceFile | null = null;
  let isStopped = false;
  let isCopying = false;
  let reading: Promise<unknown> = Promise.resolve();

  const freeze = () => {
    db.run("PRAGMA wal_autocheckpoint = 0");
    const told = db.query<Checkpoint, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
    assert(told?.busy === 0 && told.log === told.checkpointed, "the log is copied as a whole");
  };
  const thaw = () => {
    db.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  };
  const read = async (at: number, count: number): Promise<Uint8Array> => {
    if (isStopped || source === null) throw closedError();
    const piece = source.read(at, count);
    reading = piece.catch(() => {}); // Told to who reads.
    return piece;
  };

  return {
    async *copyOut() {
      if (isStopped) throw closedError();
      if (isCopying) throw busy();
      isCopying = true;
      try {
        source ??= await openSource(file);
        await guard(freeze);
        const size = await source.size();
        for (let at = 0; at < size;) {
          const piece = await read(at, Math.min(copyChunkBytes, size - at));
          if (at === 0) markAsWhole(piece);
          at += piece.length;
          yield piece;
        }
      } finally {
        isCopying = false;
        if (!isStopped) await guard(thaw);
      }
    },
    async stop() {
      isStopped = true;
      await reading;
    },
    close: async () => source?.close(),
  };
}

type Checkpoint = { readonly busy: number; readonly log: number; readonly checkpointed: number };

/** The header then says that no log belongs to it: two bytes name the journal, 1 is none. */
function markAsWhole(head: Uint8Array): void {
  assert(head[18] === 2 && head[19] === 2, "the database has a write-ahead log");
  head.fill(1, 18, 20);
}

function busy(): GridError {
  return new GridError("overloaded", "The database is being copied already. Try again later.");
}
