// What a program writes to its standard output, as a result: kept in memory while it is small, in a file from then on,
// and refused beyond the limit, of which nothing more reaches the disk.

import { resultMemoryBytesMax } from "../../domain/limits-worker.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { writeScratch } from "../../platform/scratch-file.ts";
import type { JobBytes } from "../runner.ts";

export type Collected =
  | { readonly kind: "whole"; readonly bytes: JobBytes }
  | { readonly kind: "too-large" }
  | { readonly kind: "no-space" };

/** Reads to the end, or to the limit. `file`: made when memory does not do. */
export async function collectOutput(
  pieces: AsyncIterable<Uint8Array>,
  options: { readonly file: string; readonly bytesMax: number },
): Promise<Collected> {
  const { file, bytesMax } = options;
  const head = createHead(Math.min(bytesMax, resultMemoryBytesMax));
  const source = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value, done } = await source.next();
      if (done === true) return { kind: "whole", bytes: { kind: "bytes", bytes: head.bytes() } };
      if (head.take(value)) continue;
      const rest = { [Symbol.asyncIterator]: () => source };
      return await spill([head.bytes(), value], rest, file, bytesMax);
    }
  } finally {
    await source.return?.();
  }
}

async function spill(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
  file: string,
  bytesMax: number,
): Promise<Collected> {
  let sizeBytes = 0;
  let isTooLarge = false;
  async function* counted() {
    for await (const piece of chain(first, rest)) {
      isTooLarge = sizeBytes + piece.length > bytesMax;
      if (isTooLarge) return;
      sizeBytes += piece.length;
      yield piece;
    }
  }
  try {
    await writeScratch(file, counted());
  } catch (error) {
    if (errorCodeOf(error) === null) throw error;
    return { kind: "no-space" }; // Or a disk that takes nothing for another reason.
  }
  if (isTooLarge) return { kind: "too-large" };
  return { kind: "whole", bytes: { kind: "file", path: file, sizeBytes } };
}

async function* chain(first: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>) {
  yield* first;
  yield* rest;
}

/** Bytes in one growing piece: pieces of a few bytes, kept as they come, would hold on to whole buffers. */
function createHead(bytesMax: number) {
  let kept = new Uint8Array(0);
  let size = 0;
  return {
    bytes: () => kept.slice(0, size),
    /** False when they do not fit; nothing of them is kept then. */
    take(piece: Uint8Array): boolean {
      const wanted = size + piece.length;
      if (wanted > bytesMax) return false;
      if (wanted > kept.length) {
        const larger = new Uint8Array(Math.min(bytesMax, Math.max(wanted, 2 * kept.length)));
        larger.set(kept.subarray(0, size));
        kept = larger;
      }
      kept.set(piece, size);
      size = wanted;
      return true;
    },
  };
}
