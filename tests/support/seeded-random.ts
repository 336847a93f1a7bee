// Chance that can be repeated: the same seed gives the same numbers. Mulberry32 by Tommy Ettinger, which is
// small and even enough for tests, and no good for secrets.

import type { Random } from "../../src/platform/random.ts";

export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;

  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  return {
    fraction,
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(fraction() * 256)),
  };
}
