import { expect, test } from "bun:test";
import { comparePairs, percentile, spreadOf } from "../../bench/figures.ts";

const eight = (value: number) => Array.from({ length: 8 }, () => value);

test("spreadOf() gives the middle of odd and even numbers of runs", () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
});

test("percentile() is a value that was measured", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
});

test("comparePairs() calls a difference that all pairs show by its name, whichever way is better", () => {
  expect(comparePairs(eight(100), eight(50), "higher").verdict).toBe("slower");
  expect(comparePairs(eight(100), eight(200), "higher").verdict).toBe("faster");
  expect(comparePairs(eight(100), eight(50), "lower").verdict).toBe("faster");
  expect(comparePairs(eight(100), eight(200), "lower").verdict).toBe("slower");
});

test("comparePairs() calls no difference what one pair denies, what is small, or what few pairs show", () => {
  expect(comparePairs(eight(100), [...eight(200).slice(1), 99], "lower").verdict).toBe("unclear");
  expect(comparePairs(eight(100), eight(102), "lower").verdict).toBe("unclear");
  expect(comparePairs([100, 100, 100, 100, 100], [200, 200, 200, 200, 200], "lower").verdict).toBe(
    "too-few-pairs",
  );
});
