// A file that need not survive a crash, and is gone when it is no longer needed.

import { open } from "node:fs/promises";
import { removeIfThere, writeAll } from "./durable-files.ts";

/** Makes the file anew; when that fails nothing of it is left. */
export async function writeScratch(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    for await (const piece of pieces) await writeAll(file, piece);
  } catch (error) {
    await file.close();
    await removeIfThere(path).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  await file.close();
}
