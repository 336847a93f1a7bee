import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { backoffMsFirst, backoffMsMax } from "../../../src/domain/limits.ts";
import { backoffMs } from "../../../src/domain/retry.ts";

test("backoffMs() doubles from five seconds to ten minutes", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => backoffMs(failures, 0.5) / 1_000);
  expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600]);
});

test("backoffMs() spreads by chance between half and one and a half times", () => {
  expect(backoffMs(1, 0)).toBe(2_500);
  expect(backoffMs(1, 0.25)).toBe(3_750);
  expect(backoffMs(1, 1 - Number.EPSILON)).toBe(7_500);
});

test("backoffMs() stays within its bounds for any count of failures", () => {
  const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), chances, (failures, chance) => {
      const waitMs = backoffMs(failures, chance);
      expect(Number.isInteger(waitMs)).toBe(true);
      expect(waitMs).toBeGreaterThanOrEqual(backoffMsFirst / 2);
      expect(waitMs).toBeLessThanOrEqual(backoffMsMax * 1.5);
    }),
  );
});

test("backoffMs() asserts a failure and a chance below one", () => {
  for (const [failures, chance] of [
    [0, 0.5],
    [-1, 0.5],
    [1, 1],
    [1, -0.1],
    [1, Number.NaN],
  ] as const) {
    expect(() => backoffMs(failures, chance)).toThrow(/assertion/);
  }
});
