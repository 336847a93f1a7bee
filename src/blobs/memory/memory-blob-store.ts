// Bytes in memory, for tests and for trying things out: they live as long as the process.

import { blobNameChanceBytes, requireBlobName, toBlobName } from "../blob-name.ts";
import { requireRange, tooLarge } from "../blob-rules.ts";
import { createSha256 } from "../hashing.ts";
import { blobChunkBytesMax } from "../../domain/limits.ts";
import type { ByteRange } from "../../domain/blob-ref.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { BlobStore, StoredBlob } from "../blob-store.ts";

type Kept = { readonly bytes: Uint8Array; readonly storedAt: number };

export function createMemoryBlobStore(deps: {
  readonly clock: Clock;
  readonly random: Random;
}): BlobStore {
  const keptByName = new Map<string, Kept>();
  return {
    put: async (source, sizeBytesMax) => {
      const { bytes, sha256 } = await readAll(source, sizeBytesMax);
      const name = toBlobName(sha256, deps.random.bytes(blobNameChanceBytes));
      keptByName.set(name, { bytes, storedAt: deps.clock.now() });
      return { sha256, size: bytes.length, name };
    },
    open: async (ref, range) => {
      const kept = keptByName.get(requireBlobName(ref.name));
      if (kept === undefined || kept.bytes.length !== ref.size) return null;
      return streamOf(kept.bytes, requireRange(ref, range));
    },
    list: async (after, limit) =>
      listed(keptByName, after === null ? "" : requireBlobName(after), limit),
    delete: async (name) => {
      keptByName.delete(requireBlobName(name));
    },
    close: async () => {},
  };
}

async function readAll(source: AsyncIterable<Uint8Array>, sizeBytesMax: number) {
  const hash = createSha256();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > sizeBytesMax) throw tooLarge(sizeBytesMax);
    hash.update(chunk);
    chunks.push(chunk.slice()); // the source may use its buffer again
  }
  return { bytes: Buffer.concat(chunks), sha256: hash.hex() };
}

// Chunks are copies, so that no reader can change what is kept.
function streamOf(bytes: Uint8Array, range: ByteRange): ReadableStream<Uint8Array> {
  const end = range.start + range.length;
  let position = range.start;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const next = Math.min(position + blobChunkBytesMax, end);
        if (next > position) controller.enqueue(Uint8Array.from(bytes.subarray(position, next)));
        position = next;
        if (position === end) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function listed(
  keptByName: ReadonlyMap<string, Kept>,
  after: string,
  limit: number,
): readonly StoredBlob[] {
  const names = [...keptByName.keys()].filter((name) => name > after).sort();
  return names.slice(0, limit).flatMap((name) => {
    const kept = keptByName.get(name);
    return kept === undefined ? [] : [{ name, size: kept.bytes.length, storedAt: kept.storedAt }];
  });
}
