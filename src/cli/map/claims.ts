// Lets a bounded number of pieces of work run at a time; the others wait in the order they came.

export type Claims = (work: () => Promise<void>) => Promise<void>;

export function createClaims(countMax: number): Claims {
  const waiting: (() => void)[] = [];
  let count = 0;
  return async (work) => {
    if (count >= countMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else count += 1;
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) count -= 1;
      else next(); // Takes over the place.
    }
  };
}
