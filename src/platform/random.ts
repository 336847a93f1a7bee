// Chance enters the product here and nowhere else.

export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** Unpredictable bytes, fit for secrets. */
  bytes(count: number): Uint8Array;
}

export function createSystemRandom(): Random {
  return {
    fraction: () => Math.random(),
    bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
}
