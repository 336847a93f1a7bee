// Counts and hashes the blobs of a backup in their order. Who writes a backup and who reads it both do it, and must
// agree: so a blob that fell out in between is noticed.

import { createSha256 } from "../blobs/hashing.ts";
import type { BackupEnd } from "../protocol/backup.ts";

export type BackupListing = {
  add(name: string, size: number): void;
  /** Ends it. */
  end(): Pick<BackupEnd, "blobs" | "bytes" | "listing_sha256">;
};

export function createListing(): BackupListing {
  const listed = createSha256();
  const encoder = new TextEncoder();
  let blobs = 0;
  let bytes = 0;
  return {
    add(name, size) {
      blobs += 1;
      bytes += size;
      listed.update(encoder.encode(`${name} ${size}\n`));
    },
    end: () => ({ blobs, bytes, listing_sha256: listed.hex() }),
  };
}
