import { expect, test } from "bun:test";
import { inOrder } from "../../../src/cli/in-order.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

test("inOrder() gives outcomes in the order of the items, however they end", async () => {
  const ends: (() => void)[] = [];
  const work = (item: number) => new Promise<number>((resolve) => ends.push(() => resolve(item)));
  const outcomes = all(inOrder([1, 2, 3], work));
  while (ends.length < 3) await Promise.resolve();
  for (const end of ends.toReversed()) end();
  expect(await outcomes).toEqual([1, 2, 3]);
});

test("inOrder() has no more under way than it may", async () => {
  let open = 0;
  let most = 0;
  const work = async (item: number) => {
    open += 1;
    most = Math.max(most, open);
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    open -= 1;
    return item;
  };
  const items = Array.from({ length: 50 }, (_, index) => index);
  expect(await all(inOrder(items, work, 4))).toEqual(items);
  expect(most).toBeLessThanOrEqual(4);
  expect(most).toBeGreaterThan(1);
});

test("inOrder() throws what the work throws when its turn comes", async () => {
  const work = (item: number) =>
    item === 2 ? Promise.reject(new Error("two")) : Promise.resolve(item);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const item of inOrder([1, 2, 3], work)) seen.push(item);
  })();
  expect(reading).rejects.toThrow("two");
  await reading.catch(() => {});
  expect(seen).toEqual([1]);
});
