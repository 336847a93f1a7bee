import { expect, test } from "bun:test";
import { shareLines } from "../../../../src/cli/top/share-lines.ts";

test("shareLines() gives all what they want where there is room, or no bound", () => {
  expect(shareLines([4, 9], 20)).toEqual([4, 9]);
  expect(shareLines([4, 99], null)).toEqual([4, 99]);
});

test("shareLines() shares what there is, and leaves no line unused", () => {
  expect(shareLines([3, 50, 50], 13)).toEqual([3, 5, 5]);
  expect(shareLines([50, 4, 50], 15)).toEqual([6, 4, 5]);
});

test("shareLines() leaves out a part that would not say anything", () => {
  expect(shareLines([9, 9, 9], 7)).toEqual([4, 3, 0]);
  expect(shareLines([9, 9], 0)).toEqual([0, 0]);
});
