// Chance enters the product here and nowhere else.

export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** Unpredictable bytes, fit for secrets. */
  bytes(count: number): Uint8Array;
}

export function createSystemRandom(): Random {
  let pool = new Uint8Array(0);
  return {
    fraction: () => Math.random(),
    bytes(count) {
      if (count > poolBytes) return crypto.getRandomValues(new Uint8Array(count));
      if (pool.length < count) pool = crypto.getRandomValues(new Uint8Array(poolBytes));
      // A copy: no two callers share memory, and a used byte is never given again.
      const bytes = pool.slice(0, count);
      pool.fill(0, 0, count);
      pool = pool.subarray(count);
      return bytes;
    },
  };
}

/** Asked of the system at once: asking for each number costs more than the number. */
const poolBytes = 4_096;
