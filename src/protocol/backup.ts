// What a backup consists of, for those who write it and those who read it: a tar file that begins with a manifest, goes
// on with the database and every blob that it refers to, and ends with a record that counts and hashes what
// came before. Without that record it is no backup. docs/storage.md describes it.

import * as v from "valibot";

export const backupMediaType = "application/x-tar";

export const manifestEntry = "manifest.json";
export const databaseEntry = "grid.db";
export const endEntry = "end.json";
const blobsFolder = "blobs/";

/** The name of a blob begins with the SHA-256 of its bytes. */
const blobName = /^[0-9a-f]{64}\.[0-9a-f]{16}$/;

/** Backups of another format are refused. */
export const backupFormat = 1;

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const word = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

const manifestSchema = v.object({
  about: v.string(),
  format: v.number(),
  /** The program that wrote it. */
  version: word,
  cluster_id: word,
  /** When the data directory was made. */
  cluster_created: word,
  incarnation: count,
  event_seq: count,
  taken: word,
  database: v.object({ size: count, sha256: hash }),
});
export type BackupManifest = v.InferOutput<typeof manifestSchema>;

const endSchema = v.object({
  end: v.literal(true),
  /** Over the bytes of the manifest. */
  manifest_sha256: hash,
  blobs: count,
  bytes: count,
  /** Over a line for each blob: its name, its size. */
  listing_sha256: hash,
  /** Names of blobs that the server itself has no longer as they were: they are not restored. */
  damaged: v.array(v.pipe(v.string(), v.regex(blobName))),
});
export type BackupEnd = v.InferOutput<typeof endSchema>;

/** Null for what is no manifest. */
export function parseManifest(text: string): BackupManifest | null {
  return parsed(manifestSchema, text);
}

/** Null for what is no closing record. */
export function parseEnd(text: string): BackupEnd | null {
  return parsed(endSchema, text);
}

/** The place of a blob in the tar file. */
export function toBlobEntry(name: string): string {
  return `${blobsFolder}${name}`;
}

/** The name of the blob that an entry holds and its SHA-256, or null for another entry. */
export function fromBlobEntry(
  entry: string,
): { readonly name: string; readonly sha256: string } | null {
  if (!entry.startsWith(blobsFolder)) return null;
  const name = entry.slice(blobsFolder.length);
  return blobName.test(name) ? { name, sha256: name.slice(0, 64) } : null;
}

function parsed<Output>(schema: v.GenericSchema<unknown, Output>, text: string): Output | null {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}
