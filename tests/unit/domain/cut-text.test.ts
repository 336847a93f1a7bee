import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { cutToBytes } from "../../../src/domain/cut-text.ts";

test("cutToBytes() leaves text alone that fits", () => {
  expect(cutToBytes("réseau", 7)).toBe("réseau");
  expect(cutToBytes("", 0)).toBe("");
});

test("cutToBytes() never cuts within a character", () => {
  expect(cutToBytes("réseau", 2)).toBe("r");
  expect(cutToBytes("日本", 5)).toBe("日");
  expect(cutToBytes("a👩b", 4)).toBe("a");
});

test("cutToBytes() answers with a beginning of the text that fits and is valid Unicode", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "é", "日", "👩", "\ud800", "\udc00") });
  fc.assert(
    fc.property(texts, fc.nat(60), (text, bytesMax) => {
      const cut = cutToBytes(text, bytesMax);
      expect(new TextEncoder().encode(cut).length).toBeLessThanOrEqual(bytesMax);
      expect(cut.isWellFormed()).toBe(true);
      expect(text.toWellFormed().startsWith(cut)).toBe(true);
      // Not one character more would have fitted.
      const next = text.toWellFormed().slice(cut.length);
      const [first = ""] = next;
      if (first !== "") {
        expect(new TextEncoder().encode(cut + first).length).toBeGreaterThan(bytesMax);
      }
    }),
  );
});
