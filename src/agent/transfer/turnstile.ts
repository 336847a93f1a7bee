// Lets a bounded number of things happen at a time; the others wait in order.

export type Turnstile = {
  pass<T>(call: () => Promise<T>): Promise<T>;
};

export function createTurnstile(countMax: number): Turnstile {
  const waiting: (() => void)[] = [];
  let count = 0;
  return {
    async pass(call) {
      if (count >= countMax) await new Promise<void>((resolve) => waiting.push(resolve));
      else count += 1;
      try {
        return await call();
      } finally {
        const next = waiting.shift(); // The place is handed on.
        if (next === undefined) count -= 1;
        else next();
      }
    },
  };
}
