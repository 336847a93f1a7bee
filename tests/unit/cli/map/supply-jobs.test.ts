import { expect, test } from "bun:test";
import type { NewJob } from "../../../../src/client/index.ts";
import { createJobSupply, type SupplyDeps } from "../../../../src/cli/map/supply-jobs.ts";
import type { PlannedJob } from "../../../../src/cli/map/planned-jobs.ts";
import { createSystemClock } from "../../../../src/platform/clock.ts";

function aSupply(count: number, given: Partial<SupplyDeps> = {}) {
  const stop = new AbortController();
  let plannedCount = 0;
  let total: number | null = null;
  async function* planned(): AsyncGenerator<PlannedJob> {
    for (let number = 1; number <= count; number += 1) {
      plannedCount = number;
      yield { number, values: [], parts: [""] };
    }
  }
  const supply = createJobSupply({
    planned: planned(),
    isSettled: () => false,
    aheadCountMax: 2,
    refillCount: 1,
    delayMs: 0,
    clock: createSystemClock(),
    stop: stop.signal,
    begin: async ({ number }) => ({ key: `${number}`, payload: "" }),
    onEnd: (end) => (total = end),
    ...given,
  });
  const jobs = supply.jobs();
  const next = async () => (await jobs.next()).value?.key ?? "end";
  return { supply, stop, next, plannedCount: () => plannedCount, total: () => total };
}

/** True when it is not settled once everything else that can happen has. */
async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  const late = new Promise((resolve) => setImmediate(() => setImmediate(resolve, "late")));
  return (await Promise.race([promise, late])) === "late";
}

test("jobs() stays so many ahead of what has settled, and plans no further", async () => {
  const { supply, next, plannedCount, total } = aSupply(3);
  expect([await next(), await next()]).toEqual(["1", "2"]);
  const third = next();
  expect(await isWaiting(third)).toBe(true);
  expect(plannedCount()).toBe(2);
  supply.settled();
  expect(await third).toBe("3");
  supply.settled();
  const end = next();
  expect(await isWaiting(end)).toBe(true); // The last one may be tried again.
  expect(total()).toBe(3);
  supply.settled();
  expect(await end).toBe("end");
});

test("jobs() waits, once enough are ahead, until several have settled, so that more travel together", async () => {
  const { supply, next } = aSupply(9, { aheadCountMax: 4, refillCount: 2 });
  for (const key of ["1", "2", "3", "4"]) expect(await next()).toBe(key);
  const fifth = next();
  supply.settled();
  expect(await isWaiting(fifth)).toBe(true);
  supply.settled();
  expect([await fifth, await next()]).toEqual(["5", "6"]);
  expect(await isWaiting(next())).toBe(true);
});

test("jobs() hands out another try before anything new", async () => {
  const { supply, next } = aSupply(3);
  await next();
  supply.again(async (): Promise<NewJob> => ({ key: "1.2", payload: "" }));
  expect([await next(), await next()]).toEqual(["1.2", "2"]);
});

test("jobs() passes over what a former run settled, and ends when it is told to", async () => {
  const { next, stop } = aSupply(4, { isSettled: (number) => number < 3 });
  expect(await next()).toBe("3");
  stop.abort();
  expect(await next()).toBe("end");
});
