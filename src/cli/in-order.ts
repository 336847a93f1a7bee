// Work on many things side by side whose outcomes come in the order of the things. What is ahead is bounded.

import { commandConcurrency } from "./limits.ts";

/** Throws what the work throws, when its turn comes. */
export async function* inOrder<Item, Outcome>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<Outcome>,
  concurrency: number = commandConcurrency,
): AsyncGenerator<Outcome, void, undefined> {
  const ahead: Promise<Outcome>[] = [];
  for await (const item of items) {
    const started = work(item);
    started.catch(() => {}); // Thrown below, when its turn comes.
    ahead.push(started);
    if (ahead.length >= concurrency) yield await ahead.shift()!; // There is one.
  }
  for (const started of ahead) yield await started;
}
