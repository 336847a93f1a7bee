// The last bytes of something that keeps talking, within a bound.

import { joinBytes } from "../../domain/join-bytes.ts";

export type Tail = {
  add(bytes: Uint8Array): void;
  text(): string;
};

export function createTail(sizeBytesMax: number): Tail {
  let pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  return {
    add(bytes) {
      pieces.push(bytes.slice(-sizeBytesMax));
      sizeBytes += Math.min(bytes.length, sizeBytesMax);
      if (sizeBytes < 2 * sizeBytesMax) return; // Joined now and then, not for each piece.
      pieces = [joinBytes(pieces).slice(-sizeBytesMax)];
      sizeBytes = sizeBytesMax;
    },
    text: () => new TextDecoder().decode(joinBytes(pieces).slice(-sizeBytesMax)),
  };
}
