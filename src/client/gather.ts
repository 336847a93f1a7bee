// Runs pieces of work side by side and hands out what they give in the order they end. What has ended waits to be
// taken, so whoever starts no more than a bound of them holds no more than a bound of answers.

export type Gathering<T> = {
  /** Started and not yet taken. */
  readonly count: () => number;
  start(work: Promise<T>): void;
  /** The next that ends. Throws what its work threw. */
  next(): Promise<T>;
};

type Ended<T> = { readonly value: T } | { readonly error: unknown };

export function createGathering<T>(): Gathering<T> {
  const ended: Ended<T>[] = [];
  let open = 0;
  let wake = () => {};
  const end = (outcome: Ended<T>) => {
    ended.push(outcome);
    wake();
  };
  return {
    count: () => open,
    start(work) {
      open += 1;
      work.then(
        (value) => end({ value }),
        (error: unknown) => end({ error }),
      );
    },
    async next() {
      while (ended.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      open -= 1;
      const outcome = ended.shift()!; // There is one.
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    },
  };
}
