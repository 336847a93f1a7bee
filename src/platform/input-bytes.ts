// Bytes of standard input and of files that a person named, pipes among them, read as far as they are used.

import { open } from "node:fs/promises";

let giveUp = () => {};

/** Can be read once. */
export async function* standardInput(): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = Bun.stdin.stream().getReader();
  giveUp = () => void reader.cancel().catch(() => {});
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** Whoever reads standard input sees its end now: a terminal that nobody types at would keep the process waiting. */
export function giveUpStandardInput(): void {
  giveUp();
}

/** Follows links, and reads what is no plain file, such as a pipe of the shell. */
export async function* inputFile(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, "r");
  try {
    for (;;) {
      const piece = new Uint8Array(pieceBytes);
      const { bytesRead } = await file.read(piece, 0, pieceBytes, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const pieceBytes = 64 * 1024;
