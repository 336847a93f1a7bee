// What every provider of bytes refuses, in the same words.

import { assert } from "../domain/assert.ts";
import type { BlobRef, ByteRange } from "../domain/blob-ref.ts";
import { GridError } from "../domain/errors.ts";

export function tooLarge(sizeBytesMax: number): GridError {
  return new GridError(
    "payload-too-large",
    `The bytes are more than the ${sizeBytesMax} allowed here. Send fewer, or raise payload_bytes_max.`,
    { size_bytes_max: sizeBytesMax },
  );
}

/** The part to read: all of it unless a range is given. The door has checked what a caller asked for. */
export function requireRange(ref: BlobRef, range: ByteRange | undefined): ByteRange {
  if (range === undefined) return { start: 0, length: ref.size };
  const { start, length } = range;
  assert(Number.isSafeInteger(start) && start >= 0, `${start} is a first byte`);
  assert(Number.isSafeInteger(length) && length >= 0, `${length} is a number of bytes`);
  assert(start + length <= ref.size, `${start} + ${length} lies within ${ref.size} bytes`);
  return range;
}
