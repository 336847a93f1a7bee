// Promises for what is under way on a connection: ended by the caller's signal as well, without a controller or a
// timer for each; and a bound for how much of something is done at a time.

/** `start` answers with what takes it back. A signal that fires does so, and rejects with its reason. */
export function pending<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal === undefined) {
      start(resolve, reject);
      return;
    }
    const abort = () => {
      drop();
      reject(signal.reason as Error); // Whatever the caller gave as the reason is what the caller gets.
    };
    const free = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    const drop = start(
      (value) => {
        free();
        resolve(value);
      },
      (error) => {
        free();
        reject(error);
      },
    );
  });
}

/** Runs so many pieces of work at a time; the others wait, in their order. */
export function createTurnstile(countMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let count = 0;
  return async (work) => {
    if (count >= countMax) await new Promise<void>((resolve) => void waiting.push(resolve));
    else count += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) count -= 1;
      else next();
    }
  };
}
