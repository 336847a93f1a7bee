// What keeps uploads that arrive in parts, until they are whole. Apart from the blobs: it has no hashes and no
// records, only a name, how far it has come and how long it will be. What it calls kept survives a power cut.

import type { ByteRange } from "../domain/blob-ref.ts";
import type { Instant } from "../domain/job.ts";

/** How far an upload has come. All counts are bytes. */
export type StoredParts = {
  readonly size: number;
  /** What it will have in the end, as its first part said. */
  readonly total: number;
  /** When its last part was kept. */
  readonly changedAt: Instant;
};

export interface PartStore {
  /** Null when nothing was begun under the name. */
  find(name: string): StoredParts | null;
  count(): number;
  /**
   * Writes behind what stands, or begins anew with `size` 0: what stood is gone then. One writer of a name at a
   * time. Errors: `disk-low`.
   */
  append(name: string, at: Pick<StoredParts, "size" | "total">): Promise<PartWriter>;
  /** A stretch of what is kept. */
  open(name: string, range: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /** Takes it away; a name that nothing stands under is no error. */
  delete(name: string): Promise<void>;
  /** Takes away what has not grown since `before`; resolves with how many that were. */
  sweep(before: Instant): Promise<number>;
  close(): Promise<void>;
}

/** Ends by exactly one of the two. */
export interface PartWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** What was written counts from here on: it is durable when the promise resolves. */
  keep(): Promise<void>;
  /** What was written does not count. */
  drop(): Promise<void>;
}
