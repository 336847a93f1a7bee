// Output with something before each line, however its pieces are cut.

export async function* tagged(
  pieces: AsyncIterable<Uint8Array>,
  tag: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isLineStart = true;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      if (isLineStart) yield tag;
      const end = piece.indexOf(newline, at) + 1;
      isLineStart = end > 0;
      yield piece.subarray(at, isLineStart ? end : piece.length);
      at = isLineStart ? end : piece.length;
    }
  }
}

const newline = 0x0a;
