// The stretch of a stream that a parser looks at: bytes come in at its end and leave at its front. Arriving
// chunks are looked at where they are; only what waits for the next chunk is copied, at most twice. Views that
// were handed out are never written to again.

export type ByteWindow = {
  readonly size: number;
  /** Puts bytes before all that was read so far. Only at the start. */
  prepend(bytes: Uint8Array): void;
  /** Waits for the next bytes; false when the stream has ended. */
  more(): Promise<boolean>;
  startsWith(text: string): boolean;
  /** Where `wanted` begins, or null as long as it is not there. Looks at each byte once. */
  find(wanted: Uint8Array): number | null;
  take(count: number): Uint8Array;
  /** Takes all bytes before `end` and `end` itself; or, while it is not there, all that cannot belong to it. */
  takeUntil(end: Uint8Array): { readonly bytes: Uint8Array; readonly isEnd: boolean };
  /** Lets go of the stream. */
  close(): Promise<void>;
};

/** Room is made ahead for small chunks, doubling up to this: larger chunks seldom wait for another. */
const spareBytesMax = 64 * 1024;

export function createByteWindow(stream: AsyncIterable<Uint8Array>): ByteWindow {
  const source = stream[Symbol.asyncIterator]();
  // The window is `storage` from `start` to `end`. Room beyond `end` is ours: a chunk that came has none.
  let storage: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  let soughtBytes = 0;
  let isEnded = false;

  const adopt = (bytes: Uint8Array) => {
    storage = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    start = 0;
    end = bytes.length;
  };
  const append = (bytes: Uint8Array) => {
    if (start === end) return adopt(bytes);
    const size = end - start + bytes.length;
    if (end + bytes.length > storage.length) {
      const roomy = Buffer.allocUnsafeSlow(size + Math.min(size, spareBytesMax));
      roomy.set(storage.subarray(start, end));
      storage = roomy;
      end -= start;
      start = 0;
    }
    storage.set(bytes, end);
    end += bytes.length;
  };
  const take = (count: number): Uint8Array => {
    const bytes = storage.subarray(start, start + count);
    start += bytes.length;
    soughtBytes = 0;
    return bytes;
  };
  const indexOf = (wanted: Uint8Array): number | null => {
    const index = storage.subarray(start, end).indexOf(wanted, soughtBytes);
    soughtBytes = Math.max(0, end - start - wanted.length + 1);
    return index < 0 ? null : index;
  };
  return {
    get size() {
      return end - start;
    },
    prepend: append,
    more: async () => {
      if (isEnded) return false;
      isEnded = true; // also when it throws
      const next = await source.next();
      if (next.done === true) return false;
      isEnded = false;
      append(next.value);
      return true;
    },
    startsWith: (text) =>
      storage.toString("latin1", start, Math.min(start + text.length, end)) === text,
    find: indexOf,
    take,
    takeUntil: (wanted) => {
      const index = indexOf(wanted);
      if (index === null) {
        const bytes = take(end - start - overlap(storage.subarray(start, end), wanted));
        return { bytes, isEnd: false };
      }
      const bytes = take(index);
      take(wanted.length);
      return { bytes, isEnd: true };
    },
    close: async () => {
      if (isEnded) return;
      isEnded = true;
      await source.return?.().catch(() => {}); // nothing more is wanted of it
    },
  };
}

/** How many bytes at the end of `bytes` could be the beginning of `wanted`, whose first byte it holds but once. */
function overlap(bytes: Buffer, wanted: Uint8Array): number {
  const tail = bytes.subarray(Math.max(0, bytes.length - wanted.length + 1));
  const index = tail.lastIndexOf(wanted[0] ?? 0);
  return index < 0 ? 0 : tail.length - index;
}
