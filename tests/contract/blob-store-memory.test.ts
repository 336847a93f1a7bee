import { createMemoryBlobStore } from "../../src/blobs/memory/memory-blob-store.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { describeBlobStore } from "./blob-store.ts";

describeBlobStore("memory", async () => {
  const blobs = createMemoryBlobStore({
    clock: createSystemClock(),
    random: createSystemRandom(),
  });
  return {
    blobs,
    leftovers: async () => (await blobs.list(null, 1000)).map((blob) => blob.name),
    close: () => blobs.close(),
  };
});
