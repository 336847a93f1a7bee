// The bytes of a backup, made while they are read: manifest, database, blobs in the order of their names, closing
// record. Small entries travel together. Blobs that are not as they were are named in the closing record.

import type { BlobStore } from "../blobs/blob-store.ts";
import { createSha256, sha256Hex } from "../blobs/hashing.ts";
import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import type { Instant } from "../domain/job.ts";
import { backupDamagedCountMax, blobChunkBytesMax, copyPageSize } from "../domain/limits.ts";
import { openSource } from "../platform/source-file.ts";
import {
  databaseEntry,
  endEntry,
  manifestEntry,
  toBlobEntry,
  type BackupEnd,
  type BackupManifest,
} from "../protocol/backup.ts";
import { tarEnd, tarHeader, tarPadding } from "../protocol/tar.ts";
import type { NamedBlob, StoredCopy } from "../store/sqlite/stored-copy.ts";
import { createListing } from "./backup-listing.ts";

export type BackupStreamDeps = {
  readonly manifest: BackupManifest;
  readonly takenAt: Instant;
  /** The file of the copied database. */
  readonly database: string;
  /** The same, opened. */
  readonly copy: Pick<StoredCopy, "blobs">;
  readonly blobs: Pick<BlobStore, "open">;
  /** Called once, when nothing is read any more. */
  readonly onEnd: (how: "whole" | "cut") => Promise<void>;
};

type Bytes = AsyncGenerator<Uint8Array>;

export type BackupStream = {
  readonly stream: ReadableStream<Uint8Array>;
  /** Ends it wherever it is; its reader gets an error. Twice is no error, nor is it after its end. */
  cut(): Promise<void>;
};

export function backupStream(deps: BackupStreamDeps): BackupStream {
  const pieces = gathered(entries(deps));
  let isOver = false;
  const over = async (how: "whole" | "cut") => {
    if (isOver) return;
    isOver = true;
    await deps.onEnd(how);
  };
  const cut = async () => {
    // What it has open is closed first. Nobody is left to be told of an error.
    await pieces.return(undefined).catch(() => {});
    await over("cut");
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await pieces.next();
          if (next.done !== true) return controller.enqueue(next.value);
          if (isOver) throw new GridError("shutting-down", "The backup was cut off.");
          await over("whole");
          controller.close();
        } catch (error) {
          await over("cut");
          throw error;
        }
      },
      cancel: cut,
    },
    { highWaterMark: 0 },
  );
  return { stream, cut };
}

async function* entries(deps: BackupStreamDeps): Bytes {
  const { manifest, database, copy, blobs } = deps;
  const modifiedAt = Math.floor(deps.takenAt / 1000);
  const manifestBytes = toLine(manifest);
  yield* textEntry(manifestEntry, manifestBytes, modifiedAt);
  yield tarHeader({ name: databaseEntry, size: manifest.database.size, modifiedAt });
  yield* fileBytes(database, manifest.database.size);
  yield tarPadding(manifest.database.size);
  const listing = createListing();
  const damaged: string[] = [];
  for await (const blob of allBlobs(copy)) {
    const bytes = await blobs.open(blob);
    if (bytes === null) {
      damaged.push(blob.name);
      continue;
    }
    listing.add(blob.name, blob.size);
    yield tarHeader({ name: toBlobEntry(blob.name), size: blob.size, modifiedAt });
    const hash = createSha256();
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
    if (hash.hex() !== blob.sha256) damaged.push(blob.name);
    yield tarPadding(blob.size);
    assert(damaged.length <= backupDamagedCountMax, "most blobs of a backup are sound");
  }
  const end: BackupEnd = {
    end: true,
    manifest_sha256: sha256Hex(manifestBytes),
    ...listing.end(),
    damaged,
  };
  yield* textEntry(endEntry, toLine(end), modifiedAt);
  yield tarEnd();
}

function toLine(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

function* textEntry(name: string, bytes: Uint8Array, modifiedAt: number) {
  yield tarHeader({ name, size: bytes.length, modifiedAt });
  yield bytes;
  yield tarPadding(bytes.length);
}

async function* fileBytes(path: string, size: number): Bytes {
  const file = await openSource(path);
  try {
    for (let at = 0; at < size;) {
      const piece = await file.read(at, Math.min(blobChunkBytesMax, size - at));
      assert(piece.length > 0, "the copy of the database stays as it is");
      at += piece.length;
      yield piece;
    }
  } finally {
    await file.close();
  }
}

async function* allBlobs(copy: Pick<StoredCopy, "blobs">): AsyncGenerator<NamedBlob> {
  for (let after = ""; ;) {
    const page = copy.blobs(after, copyPageSize);
    yield* page;
    if (page.length < copyPageSize) return;
    after = page.at(-1)?.name ?? "";
  }
}

/** The same bytes in pieces that are worth a trip through the network. */
async function* gathered(pieces: Bytes): Bytes {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    size += piece.length;
    if (size < pieceBytesMin) continue;
    yield joined(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield joined(waiting, size);
}

const pieceBytesMin = 64 * 1024;

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
