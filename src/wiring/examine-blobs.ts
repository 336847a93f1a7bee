// Examines the bytes that a database refers to, and finds files that it does not refer to.

import { join } from "node:path";
import type { StoredBlob } from "../blobs/blob-store.ts";
import { listBlobs } from "../blobs/disk/list-blobs.ts";
import { shardOf } from "../blobs/disk/shards.ts";
import { createSha256, sha256Hex } from "../blobs/hashing.ts";
import { copyChunkBytes, copyInlinePageSize, copyPageSize } from "../domain/limits.ts";
import { errorCodeOf } from "../platform/durable-files.ts";
import { factsOf } from "../platform/file-system.ts";
import { openSource } from "../platform/source-file.ts";
import type { NamedBlob, StoredCopy } from "../store/sqlite/stored-copy.ts";
import type { Findings } from "./findings.ts";

export type Looked = { readonly blobCount: number; readonly byteCount: number };

export type BlobExamination = {
  readonly copy: StoredCopy;
  readonly directory: string;
  readonly isDeep: boolean;
  readonly findings: Findings;
};

export async function examineBlobs(about: BlobExamination): Promise<Looked> {
  const { copy } = about;
  let blobCount = 0;
  let byteCount = 0;
  for (let after: string | null = ""; after !== null;) {
    const page: readonly NamedBlob[] = copy.blobs(after, copyPageSize);
    for (const blob of page) {
      await examineBlob(about, blob);
      blobCount += 1;
      byteCount += blob.size;
    }
    after = page.length < copyPageSize ? null : (page.at(-1)?.name ?? null);
  }
  await findOrphans(about);
  return { blobCount, byteCount };
}

/** Bytes in the database itself. */
export async function examineInline(
  copy: StoredCopy,
  before: Looked,
  findings: Findings,
): Promise<Looked> {
  let { blobCount, byteCount } = before;
  for (let after: number | null = 0; after !== null;) {
    const page = copy.inline(after, copyInlinePageSize);
    for (const { id, sha256, bytes } of page) {
      blobCount += 1;
      byteCount += bytes.length;
      if (sha256Hex(bytes) === sha256) continue;
      findings.note("blob-damaged", `bytes ${id} in the database, ${used(copy.usersOf({ id }))}`);
    }
    after = page.length < copyInlinePageSize ? null : (page.at(-1)?.id ?? null);
  }
  return { blobCount, byteCount };
}

async function examineBlob(about: BlobExamination, blob: NamedBlob): Promise<void> {
  const { copy, directory, isDeep, findings } = about;
  const { name, size, sha256 } = blob;
  const path = join(directory, shardOf(name), name);
  const facts = await factsOf(path);
  const told = () => `${path}, ${used(copy.usersOf({ name }))}`;
  if (facts === null || facts.kind !== "file") findings.note("blob-missing", told());
  else if (facts.size !== size) {
    findings.note("blob-damaged", `${told()}: it has ${facts.size} bytes in place of ${size}`);
  } else if (isDeep && (await hashOf(path, size)) !== sha256) {
    findings.note("blob-damaged", `${told()}: its hash is another`);
  }
}

async function findOrphans({ copy, directory, findings }: BlobExamination): Promise<void> {
  for (let after: string | null = ""; after !== null;) {
    const page: readonly StoredBlob[] = await listBlobs(directory, after, copyPageSize).catch(
      (error: unknown) => {
        if (errorCodeOf(error) === "ENOENT") return []; // No blob was ever stored.
        throw error;
      },
    );
    for (const { name, size } of page) {
      if (!copy.namesBlob(name)) {
        findings.note("orphan", `${join(directory, shardOf(name), name)}, ${size} bytes`);
      }
    }
    after = page.length < copyPageSize ? null : (page.at(-1)?.name ?? null);
  }
}

/** Null for a file that cannot be read to its end. */
async function hashOf(path: string, size: number): Promise<string | null> {
  const file = await openSource(path);
  try {
    const hash = createSha256();
    for (let at = 0; at < size;) {
      const piece = await file.read(at, Math.min(copyChunkBytes, size - at));
      if (piece.length === 0) return null;
      hash.update(piece);
      at += piece.length;
    }
    return hash.hex();
  } catch (error) {
    if (errorCodeOf(error) === "EIO") return null;
    throw error;
  } finally {
    await file.close();
  }
}

function used(keys: readonly string[]): string {
  return keys.length === 0 ? "used by no job" : `used by ${keys.join(", ")}`;
}
