// The bytes of an open file, piece by piece from where it stands, whether it is a plain file or a pipe.

import type { FileHandle } from "node:fs/promises";

/** Closes the file at the end, also when the reader stops early. Each piece is a buffer of its own. */
export async function* readPieces(
  file: FileHandle,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
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
