// Bytes that are sent again: they must be the ones that are kept, and only what comes behind them is new.

/** What comes behind `kept` in `bytes`. Throws what `differ` gives at the first byte that is another one. */
export async function* behindSame(
  bytes: AsyncIterable<Uint8Array>,
  kept: AsyncIterable<Uint8Array>,
  differ: () => Error,
): AsyncGenerator<Uint8Array> {
  const keptChunks = kept[Symbol.asyncIterator]();
  let known: Uint8Array | null = new Uint8Array();
  try {
    for await (const chunk of bytes) {
      let at = 0;
      while (known !== null && at < chunk.length) {
        if (known.length === 0) {
          const next: IteratorResult<Uint8Array> = await keptChunks.next();
          known = next.done === true ? null : next.value;
          continue;
        }
        const count = Math.min(known.length, chunk.length - at);
        if (!isSame(chunk.subarray(at, at + count), known.subarray(0, count))) throw differ();
        at += count;
        known = known.subarray(count);
      }
      if (at < chunk.length) yield chunk.subarray(at);
    }
  } finally {
    await keptChunks.return?.();
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
