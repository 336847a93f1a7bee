// Reads a backup and holds it against what it says of itself: the order of its parts, every size, every hash, the
// closing record. Nothing of it is kept here; `sink` gets what is read, and must not trust it before the end.

import { createSha256, sha256Hex } from "../blobs/hashing.ts";
import { GridError } from "../domain/errors.ts";
import {
  backupFormat,
  databaseEntry,
  endEntry,
  fromBlobEntry,
  manifestEntry,
  parseEnd,
  parseManifest,
  type BackupEnd,
  type BackupManifest,
} from "../protocol/backup.ts";
import { createListing } from "./backup-listing.ts";
import { readTar, type TarItem } from "../protocol/tar-reader.ts";

export type ReadBackup = { readonly manifest: BackupManifest; readonly end: BackupEnd };

/** A part of the backup: the database, or a blob by its name. */
export type BackupPart = { readonly blob: string | null; readonly size: number };

/** Gets each part, and reads all of its bytes. */
export type BackupSink = (part: BackupPart, bytes: AsyncIterable<Uint8Array>) => Promise<void>;

/** Far above any manifest, and above an end that names ten thousand damaged blobs. */
const textBytesMax = 2 * 1024 * 1024;

/** Throws `malformed` with the reason for what is no whole, undamaged backup. */
export async function readBackup(
  source: AsyncIterable<Uint8Array>,
  sink: BackupSink,
): Promise<ReadBackup> {
  const listing = createListing();
  const mismatched = new Set<string>();
  let manifest: BackupManifest | null = null;
  let hasDatabase = false;
  let end: BackupEnd | null = null;
  let manifestSha256 = "";
  let last = "";
  for await (const item of readTar(source, "backup")) {
    if (end !== null) throw refused(`${item.name} stands behind its end`);
    if (manifest === null) {
      const text = await readText(item);
      manifestSha256 = sha256Hex(new TextEncoder().encode(text));
      manifest = toManifest(item, text);
    } else if (!hasDatabase) {
      const sha256 = await readPart(item, null, sink);
      if (item.name !== databaseEntry)
        throw refused(`${item.name} stands where ${databaseEntry} belongs`);
      if (sha256 !== manifest.database.sha256) throw refused(`${databaseEntry} is damaged`);
      hasDatabase = true;
    } else if (item.name === endEntry) {
      end = parseEnd(await readText(item));
      if (end === null) throw refused(`${endEntry} is damaged`);
    } else {
      const blob = fromBlobEntry(item.name);
      if (blob === null || item.name <= last) throw refused(`${item.name} does not belong there`);
      last = item.name;
      listing.add(blob.name, item.size);
      if ((await readPart(item, blob.name, sink)) !== blob.sha256) mismatched.add(blob.name);
    }
  }
  if (manifest === null || end === null)
    throw refused("its closing record is missing: it was cut off");
  if (end.manifest_sha256 !== manifestSha256) throw refused(`${manifestEntry} is damaged`);
  requireAgreement(listing.end(), mismatched, end);
  return { manifest, end };
}

function toManifest({ name }: TarItem, text: string): BackupManifest {
  if (name !== manifestEntry) throw refused(`${name} stands where ${manifestEntry} belongs`);
  const manifest = parseManifest(text);
  if (manifest === null) throw refused(`${manifestEntry} is damaged`);
  if (manifest.format === backupFormat) return manifest;
  throw refused(
    `it has format ${manifest.format}, and this program knows format ${backupFormat}. Use the version that wrote it (${manifest.version})`,
  );
}

/** Hands the bytes on and answers with their hash. */
async function readPart(item: TarItem, blob: string | null, sink: BackupSink): Promise<string> {
  const hash = createSha256();
  async function* hashed() {
    for await (const piece of item.bytes) {
      hash.update(piece);
      yield piece;
    }
  }
  await sink({ blob, size: item.size }, hashed());
  return hash.hex();
}

async function readText({ name, size, bytes }: TarItem): Promise<string> {
  if (size > textBytesMax) throw refused(`${name} is longer than it can be`);
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of bytes) text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}

function requireAgreement(
  found: ReturnType<ReturnType<typeof createListing>["end"]>,
  mismatched: ReadonlySet<string>,
  end: BackupEnd,
): void {
  const isSame = found.blobs === end.blobs && found.listing_sha256 === end.listing_sha256;
  if (!isSame) throw refused("blobs are missing from it or were put into it");
  const known = new Set(end.damaged);
  for (const name of mismatched) if (!known.has(name)) throw refused(`the blob ${name} is damaged`);
}

function refused(what: string): GridError {
  return new GridError("malformed", `This is no whole backup: ${what}.`);
}
