// A file that arrives in pieces over connections that may break: written at its end, begun anew when it must be.
// It need not survive a crash.

import { open } from "node:fs/promises";
import { writeAll } from "./durable-files.ts";

export type ReceivedFile = {
  write(bytes: Uint8Array): Promise<void>;
  /** Throws away what has arrived. */
  beginAnew(): Promise<void>;
  close(): Promise<void>;
};

/** Makes the file, which its owner alone may read. */
export async function openReceived(path: string): Promise<ReceivedFile> {
  let file = await open(path, "w", 0o600);
  return {
    write: (bytes) => writeAll(file, bytes),
    async beginAnew() {
      await file.close();
      file = await open(path, "w", 0o600);
    },
    close: () => file.close(),
  };
}
