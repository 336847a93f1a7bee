import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskPartStore } from "../../../src/blobs/disk/disk-part-store.ts";
import { createSystemClock } from "../../../src/platform/clock.ts";
import { createPartUploads } from "../../../src/server/part-uploads.ts";

test("take() lets go of each chunk once it is written, however long the part is", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gridlike-parts-"));
  const onBroken = (error: unknown) => {
    throw error;
  };
  const store = await openDiskPartStore({ directory, clock: createSystemClock(), onBroken });
  try {
    const count = 64;
    const size = 64 * 1024;
    const seen: WeakRef<Uint8Array>[] = [];
    let keptMax = 0;
    async function* chunks() {
      for (let n = 0; n < count; n += 1) {
        const chunk = new Uint8Array(size);
        seen.push(new WeakRef(chunk));
        yield chunk;
        if (n % 16 !== 15) continue;
        await new Promise(setImmediate); // Weak references hold until the turn is over.
        Bun.gc(true);
        keptMax = Math.max(keptMax, seen.filter((one) => one.deref() !== undefined).length);
      }
    }
    const part = { start: 0, end: count * size, total: count * size };
    const taken = await createPartUploads(store).alone("a", (upload) =>
      upload.take(part, chunks(), () => {}),
    );
    expect(taken).toBe(count * size);
    expect(keptMax).toBeLessThan(8);
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
});
