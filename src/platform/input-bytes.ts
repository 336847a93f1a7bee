// Bytes of standard input and of files that a person named, pipes among them, read as far as they are used.

import { open } from "node:fs/promises";
import { readPieces } from "./read-pieces.ts";

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
  yield* readPieces(await open(path, "r"), pieceBytes);
}

const pieceBytes = 64 * 1024;
