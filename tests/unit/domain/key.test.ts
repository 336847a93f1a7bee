import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { hasHiddenCharacters, keyProblem, parseJobRef } from "../../../src/domain/key.ts";
import { keyBytesMax } from "../../../src/domain/limits.ts";

const uuid = "01900000-0000-7000-8000-00000000000a";

test("keyProblem() lets ordinary names pass", () => {
  const good = ["a", "arm/7", "réseau", "日本", "a b", "7up", "1.5", "-1", "+1", "...", "Submit"];
  good.push("👩‍🔬", "0x10", `x${uuid}`, "k".repeat(keyBytesMax), "é".repeat(128), "__proto__");
  for (const key of good) expect([key, keyProblem(key)]).toEqual([key, null]);
});

for (const [what, keys, words] of [
  ["an empty key", [""], "at least one character"],
  ["more bytes than fit", ["k".repeat(257), "é".repeat(129), "日".repeat(86)], "bytes; the most"],
  ["lone surrogates", ["\ud800", "a\udc00b"], "not valid Unicode"],
  ["control characters", ["a\u0000", "\n", "a\tb", "\u007f", "\u009b31m"], "control or direction"],
  [
    "characters that turn the text around",
    ["a\u202eb", "\u200f", "\u200e", "\u2066x", "\u2069", "\u061c", "\u2028", "\u2029"],
    "control or direction",
  ],
  [
    "words of the API",
    [".", "..", "submit", "submit-many", "cancel", "retry", "delete"],
    "word of the API",
  ],
  ["numbers", ["0", "7", "007", "9".repeat(40)], "short number"],
  ["what looks like an id", [uuid, uuid.toUpperCase()], "looks like a job's id"],
] as const) {
  test(`keyProblem() refuses ${what}`, () => {
    for (const key of keys) expect(keyProblem(key)).toContain(words);
  });
}

test("keyProblem() says how long a key is that is too long", () => {
  expect(keyProblem("é".repeat(129))).toBe("The key has 258 bytes; the most is 256.");
});

test("parseJobRef() tells numbers, ids and keys apart", () => {
  expect(parseJobRef("42")).toEqual({ by: "seq", seq: 42 });
  expect(parseJobRef("9".repeat(15))).toEqual({ by: "seq", seq: 999_999_999_999_999 });
  expect(parseJobRef("9".repeat(16))).toEqual({ by: "key", key: "9".repeat(16) });
  expect(parseJobRef(uuid.toUpperCase())).toEqual({ by: "id", id: uuid });
  expect(parseJobRef("arm/7")).toEqual({ by: "key", key: "arm/7" });
  expect(parseJobRef("")).toEqual({ by: "key", key: "" });
});

test("parseJobRef() finds by key whatever may be a key", () => {
  const seen = new Set<boolean>();
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.nat().map(String));
  fc.assert(
    fc.property(texts, (text) => {
      const isKey = keyProblem(text) === null;
      seen.add(isKey);
      if (isKey) expect(parseJobRef(text)).toEqual({ by: "key", key: text });
    }),
  );
  expect(seen.size).toBe(2);
});

test("hasHiddenCharacters() lets letters of every script and joined emoji pass", () => {
  for (const text of ["abc", "עברית", "العربية", "👩‍🔬", "a\u00a0b"]) {
    expect([text, hasHiddenCharacters(text)]).toEqual([text, false]);
  }
});
