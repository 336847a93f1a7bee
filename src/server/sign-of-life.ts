// Bytes that a worker sends or reads are signs of its life: while they move, its lease does not run out.

/** The same bytes on their way out. */
export function showLife(
  bytes: ReadableStream<Uint8Array>,
  renew: () => unknown,
): ReadableStream<Uint8Array> {
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      renew();
      controller.enqueue(chunk);
    },
  });
  return bytes.pipeThrough(watch);
}

/** The same bytes on their way in. `seen` looks at each chunk. */
export async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  seen: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    seen(chunk);
    yield chunk;
  }
}
