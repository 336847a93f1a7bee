// Items that callers hand in, as a list or as they come. A list is taken at once; what comes later is asked for one
// at a time, and nobody waits for it while other work can go on.

export type Supply<T> = {
  /** True as long as more may come. */
  isOpen(): boolean;
  /** True when more may come and nobody is asking for it. */
  isIdle(): boolean;
  /** Items that are there now, at most `count`. */
  atHand(count: number): readonly T[];
  /** Resolves when another item is at hand, or none will come. */
  pull(): Promise<void>;
  /** Tells the source that nobody will ask again. */
  close(): Promise<void>;
};

export function createSupply<T>(items: Iterable<T> | AsyncIterable<T>): Supply<T> {
  return Symbol.asyncIterator in items ? later(items) : atOnce(items);
}

function atOnce<T>(items: Iterable<T>): Supply<T> {
  const iterator = items[Symbol.iterator]();
  let isOpen = true;
  return {
    isOpen: () => isOpen,
    isIdle: () => false,
    atHand(count) {
      const taken: T[] = [];
      while (isOpen && taken.length < count) {
        const next = iterator.next();
        if (next.done === true) isOpen = false;
        else taken.push(next.value);
      }
      return taken;
    },
    pull: () => Promise.resolve(),
    close: () => Promise.resolve(isOpen ? void iterator.return?.() : undefined),
  };
}

function later<T>(items: AsyncIterable<T>): Supply<T> {
  const iterator = items[Symbol.asyncIterator]();
  let isOpen = true;
  let isPulling = false;
  let pulled: readonly T[] = [];
  return {
    isOpen: () => isOpen,
    isIdle: () => isOpen && !isPulling,
    atHand() {
      const taken = pulled;
      pulled = [];
      return taken;
    },
    async pull() {
      isPulling = true;
      const next = await iterator.next();
      isPulling = false;
      if (next.done === true) isOpen = false;
      else pulled = [next.value];
    },
    async close() {
      if (!isOpen) return;
      const closed = iterator.return?.();
      // A source in the middle of something ends when it is through with that, which may be never.
      if (isPulling) void closed?.catch(() => {});
      else await closed;
    },
  };
}
