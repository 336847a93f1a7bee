// What a program writes, piece by piece as it comes: read no faster than it is used, so that memory stays small and a
// program that floods waits. Can be given up from outside when the other end stays open for ever.

import { closeSync } from "node:fs";
import { assert } from "../domain/assert.ts";
import { createMemoryPressure } from "./memory-pressure.ts";
import type { Pipe } from "./system-calls.ts";

const pressure = createMemoryPressure();

export type Output = {
  /** At most 64 KiB or so at a time. Once only. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Whoever reads sees the end now. */
  giveUp(): void;
};

/** Of a pipe of ours, which is closed at the end, or of one of the runtime's. */
export function outputOf(from: Pipe | ReadableStream<Uint8Array> | number | undefined): Output {
  if (from instanceof ReadableStream) return readTo(from, () => {});
  assert(typeof from === "object", "the output of a program is a pipe");
  const { readEnd } = from;
  return readTo(Bun.file(readEnd).stream(), () => closeSync(readEnd));
}

function readTo(stream: ReadableStream<Uint8Array>, close: () => void): Output {
  const reader: Reader = stream.getReader();
  return {
    pieces: piecesOf(reader, close),
    giveUp: () => void reader.cancel().catch(() => {}),
  };
}

type Reader = {
  read(): Promise<{ readonly value?: Uint8Array | undefined; readonly done: boolean }>;
  cancel(): Promise<void>;
};

async function* piecesOf(
  reader: Reader,
  close: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done || value === undefined) return;
      yield value;
      pressure.passed(value.length);
    }
  } finally {
    await reader.cancel().catch(() => {}); // A reader that stopped early lets the program see a closed pipe.
    close();
  }
}
