// What is told of a backup, alike by the command that wrote it and by the one that put it back.

import type { ReadBackup } from "../wiring/read-backup.ts";
import { printNotice } from "./output.ts";

export type AboutBackup = {
  readonly cluster_id: string;
  readonly taken: string;
  readonly version: string;
  readonly event_seq: number;
  readonly database_bytes: number;
  readonly blobs: number;
  readonly blob_bytes: number;
  readonly damaged: readonly string[];
};

export function aboutBackup({ manifest, end }: ReadBackup): AboutBackup {
  return {
    cluster_id: manifest.cluster_id,
    taken: manifest.taken,
    version: manifest.version,
    event_seq: manifest.event_seq,
    database_bytes: manifest.database.size,
    blobs: end.blobs,
    blob_bytes: end.bytes,
    damaged: end.damaged,
  };
}

/** Says so when the server itself had lost bytes. */
export function damagedNotice({ end }: ReadBackup): void {
  const { length } = end.damaged;
  if (length === 0) return;
  printNotice(
    `${length} payloads or results were damaged on the server before the backup and are no part of it, such as ${end.damaged[0]}. Stop the server and run gridlike doctor --deep to see whose they are.`,
  );
}
