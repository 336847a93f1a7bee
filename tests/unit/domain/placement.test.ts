import { expect, test } from "bun:test";
import { busyLevel, loadOf } from "../../../src/domain/placement.ts";
import type { Vitals } from "../../../src/domain/worker.ts";

const vitals = (given: Partial<Vitals>): Vitals => ({
  load: null,
  cpu: [],
  memoryBytes: null,
  memoryUsedBytes: null,
  ...given,
});

test("busyLevel() goes up in coarse steps with processors and memory in use", () => {
  for (const [given, wanted] of [
    [{}, 0],
    [{ cpu: [0, 0.2] }, 0],
    [{ cpu: [1, 0] }, 2],
    [{ cpu: [1, 1] }, 4],
    [{ load: 0.4, cpu: [0, 0] }, 0],
    [{ load: 3, cpu: [1, 1] }, 6], // Some wait for a processor.
    [{ load: 0, cpu: [1, 1] }, 4], // A system without a load.
    [{ load: 500, cpu: [1, 1] }, 8],
    [{ load: 0.5 }, 2],
    [{ memoryBytes: 100, memoryUsedBytes: 74 }, 0],
    [{ memoryBytes: 100, memoryUsedBytes: 80 }, 2],
    [{ memoryBytes: 100, memoryUsedBytes: 95 }, 8],
    [{ memoryBytes: 0, memoryUsedBytes: 0 }, 0],
    [{ cpu: [1], memoryBytes: 100, memoryUsedBytes: 80 }, 4],
  ] as const) {
    expect([given, busyLevel(vitals(given))]).toEqual([given, wanted]);
  }
  expect(busyLevel(null)).toBe(0);
});

test("loadOf() goes by what is held as a share of the slots, and by the machine only among equals", () => {
  const load = (heldCount: number, slots: number, level = 0) => loadOf({ heldCount, slots, level });
  expect(load(0, 1)).toBe(0);
  expect(load(0, 4)).toBe(load(0, 1));
  expect(load(2, 4)).toBe(load(1, 2));
  expect(load(1, 4)).toBeLessThan(load(1, 2));
  expect(load(0, 1, 8)).toBeLessThan(load(1, 1024));
  expect(load(1022, 1023, 8)).toBeLessThan(load(1023, 1024)); // As near as two shares can be.
  expect(load(1, 2, 1)).toBeLessThan(load(1, 2, 2));
});
