// A file that is read at chosen places while somebody else may write to it.

import { open } from "node:fs/promises";

export type SourceFile = {
  size(): Promise<number>;
  /** Bytes from `at` on, all of them; fewer only at the end of the file. */
  read(at: number, count: number): Promise<Uint8Array>;
  close(): Promise<void>;
};

export async function openSource(path: string): Promise<SourceFile> {
  const file = await open(path, "r");
  return {
    size: async () => (await file.stat()).size,
    async read(at, count) {
      const bytes = new Uint8Array(count);
      let filled = 0;
      while (filled < count) {
        const { bytesRead } = await file.read(bytes, filled, count - filled, at + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    close: () => file.close(),
  };
}
