import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readRange } from "../../../src/server/bytes.ts";

test("readRange() never answers with a byte that is not there", () => {
  const part = fc.option(fc.nat(30), { nil: "" as const });
  fc.assert(
    fc.property(part, part, fc.nat(20), (first, last, size) => {
      const range = readRange(`bytes=${first}-${last}`, size);
      if (typeof range === "string") return;
      expect(range.length).toBeGreaterThan(0);
      expect(range.start).toBeGreaterThanOrEqual(0);
      expect(range.start + range.length).toBeLessThanOrEqual(size);
    }),
  );
});

test("readRange() takes numbers beyond any size as they are meant", () => {
  expect(readRange("bytes=0-999999999999999", 10)).toEqual({ start: 0, length: 10 });
  expect(readRange("bytes=999999999999999-", 10)).toBe("outside");
  expect(readRange("bytes=0-9999999999999999", 10)).toBe("whole");
  expect(readRange(`bytes=${"0".repeat(100_000)}-`, 10)).toBe("whole");
});
