import { expect, test } from "bun:test";
import { formatSize, parseSize } from "../../../src/domain/size.ts";

test("parseSize() reads numbers with units of 1024 and of 1000", () => {
  expect(parseSize("32 KiB")).toBe(32_768);
  expect(parseSize("32kib")).toBe(32_768);
  expect(parseSize("1.5 GiB")).toBe(1_610_612_736);
  expect(parseSize("64 MB")).toBe(64_000_000);
  expect(parseSize("1_000 B")).toBe(1_000);
  expect(parseSize("7")).toBe(7);
});

test("parseSize() answers null for what is no size", () => {
  for (const text of ["", "KiB", "-1 KiB", "1 KiB x", "1 XiB", "1,5 GiB", "1e3", "99999999 TiB"]) {
    expect([text, parseSize(text)]).toEqual([text, null]);
  }
});

test("formatSize() says the same as parseSize() reads", () => {
  for (const bytes of [0, 1, 1023, 1024, 1536, 32_768, 1_048_576, 3 * 1024 ** 4]) {
    expect(parseSize(formatSize(bytes))).toBe(bytes);
  }
});
