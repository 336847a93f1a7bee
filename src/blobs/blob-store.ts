// What keeps large bytes. Hashing, the size limit and atomic, durable appearance are the provider's promise.

import type { BlobRef, ByteRange } from "../domain/blob-ref.ts";

export interface BlobStore {
  /**
   * Stores a stream. When the promise resolves the bytes are durable under a name never used before; when it
   * rejects nothing is left behind. Errors: `payload-too-large` beyond `sizeBytesMax`, `disk-low` when the
   * disk is full, and whatever the stream itself throws.
   */
  put(bytes: AsyncIterable<Uint8Array>, sizeBytesMax: number): Promise<BlobRef>;
  /** The bytes, or the part of them within `range`; null when they are gone. Cancelling the stream frees it. */
  open(ref: BlobRef, range?: ByteRange): Promise<ReadableStream<Uint8Array> | null>;
  /** Names in ascending order after `after`, with the instant they appeared. */
  list(after: string | null, limit: number): Promise<readonly StoredBlob[]>;
  /** Takes the bytes away; a name that is gone already is no error. */
  delete(name: string): Promise<void>;
  close(): Promise<void>;
}

export type StoredBlob = {
  readonly name: string;
  readonly size: number;
  readonly storedAt: number;
};
