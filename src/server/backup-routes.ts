// A backup of everything that the server keeps, as one stream.

import { Elysia } from "elysia";
import { backupMediaType } from "../protocol/backup.ts";
import type { Downloads } from "./downloads.ts";
import type { Patience } from "./patience.ts";
import { noParameters, readQuery } from "./query.ts";

/** Makes backups of a running server. */
export type Backups = {
  /** The bytes of a backup, begun. `overloaded` while another one is made, `disk-low` without room for a copy. */
  open(): Promise<ReadableStream<Uint8Array>>;
};

export type BackupRouteDeps = {
  readonly backups: Backups;
  readonly downloads: Downloads;
  readonly patience: Patience;
};

export function backupRoutes({ backups, downloads, patience }: BackupRouteDeps) {
  return new Elysia().get("/backup", async ({ request, server }) => {
    readQuery(request, noParameters);
    patience.lift(request, server); // The database is copied before the first byte is sent.
    const bytes = await backups.open();
    return new Response(downloads.send(request, server, bytes), {
      headers: {
        "Content-Type": backupMediaType,
        "Content-Disposition": 'attachment; filename="gridlike-backup.tar"',
      },
    });
  });
}
