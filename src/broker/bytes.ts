// Bytes on their way in and out: small ones travel with the record, large ones through the blob store.

import type { ByteRange, Content, NewContent } from "../domain/blob-ref.ts";
import { inlineNameStart, toContent } from "../domain/blob-ref.ts";
import { GridError } from "../domain/errors.ts";
import { sha256Hex } from "../blobs/hashing.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Log } from "../platform/log.ts";
import type { JobStore } from "../store/job-store.ts";

export type BytesDeps = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly smallBlobBytesMax: number;
  readonly log: Log;
};

type StageLimits = { readonly sizeBytesMax: number; readonly contentType: string | null };

/** Reads a stream: into memory while it is small, else to the blob store, durable before this resolves. */
export async function stage(
  { blobs, smallBlobBytesMax }: BytesDeps,
  bytes: AsyncIterable<Uint8Array>,
  { sizeBytesMax, contentType }: StageLimits,
): Promise<NewContent> {
  const source = bytes[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      head.push(next.value);
      size += next.value.length;
      if (size > sizeBytesMax) throw tooLarge(sizeBytesMax);
      if (size > smallBlobBytesMax) {
        const ref = await blobs.put(resume(head, source), sizeBytesMax);
        return { ...ref, contentType, inline: null };
      }
    }
  } finally {
    await source.return?.();
  }
  return stageSmall(concat(head, size), contentType);
}

/** Bytes that are in memory as a whole: kept inline when small, else stored as a blob. */
export async function stageWhole(deps: BytesDeps, bytes: Uint8Array): Promise<NewContent> {
  if (bytes.length <= deps.smallBlobBytesMax) return stageSmall(bytes, null);
  const ref = await deps.blobs.put(once(bytes), bytes.length);
  return { ...ref, contentType: null, inline: null };
}

/** Takes staged bytes away that no record came to use. */
export async function discard(deps: TakingDeps, content: NewContent): Promise<void> {
  if (content.inline === null) await takeAway(deps, content.name);
}

type TakingDeps = Pick<BytesDeps, "blobs" | "log">;

/** Takes bytes away that nothing needs. Should that fail they are garbage, and what was done still stands. */
export async function takeAway({ blobs, log }: TakingDeps, name: string): Promise<void> {
  try {
    await blobs.delete(name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.warn("blob.not_taken_away", { name, why });
  }
}

/** The bytes of a payload or result; `bytes-forgotten` when they are gone. */
export async function openBytes(
  { jobs, blobs }: BytesDeps,
  content: Content,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | Uint8Array> {
  const small = await jobs.inline(content);
  if (small !== null) {
    return range === undefined ? small : small.subarray(range.start, range.start + range.length);
  }
  const large = await openLarge(blobs, content, range);
  if (large !== null) return large;
  throw new GridError(
    "bytes-forgotten",
    `The ${content.size} bytes ${content.sha256} are no longer kept.`,
  );
}

/** The whole bytes in memory, checked against their hash; null when they are gone or damaged. */
export async function readWhole(deps: BytesDeps, content: Content): Promise<Uint8Array | null> {
  const small = await deps.jobs.inline(content);
  if (small !== null) return small;
  const stream = await openLarge(deps.blobs, content);
  if (stream === null) return null;
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return bytes.length === content.size && sha256Hex(bytes) === content.sha256 ? bytes : null;
}

/** Null when they are gone; small bytes are gone with the record that kept them. */
async function openLarge(blobs: BlobStore, content: Content, range?: ByteRange) {
  return content.name.startsWith(inlineNameStart) ? null : blobs.open(toContent(content), range);
}

function stageSmall(inline: Uint8Array, contentType: string | null): NewContent {
  return { sha256: sha256Hex(inline), size: inline.length, name: "", contentType, inline };
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  // A copy: one small view would keep a whole buffer of the network alive.
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

async function* resume(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>) {
  yield* head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

function tooLarge(sizeBytesMax: number): GridError {
  return new GridError(
    "payload-too-large",
    `The payload has more than the ${sizeBytesMax} bytes allowed. Raise payload_bytes_max or send less.`,
  );
}
