import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { resultFileName } from "../../../../src/cli/jobs/result-file.ts";

const nameOf = (key: string) => resultFileName({ key, id: "the-id" });

test("resultFileName() keeps plain keys, and encodes what a file name should not hold", () => {
  const cases = [
    ["frame-0001.png", "frame-0001.png"],
    ["a/b c", "a%2Fb%20c"],
    ["100%", "100%25"],
    ["ü", "%C3%BC"],
    [".bashrc", "%2Ebashrc"],
    ["..", "%2E%2E"],
    ["-rf", "%2Drf"],
    ["a.", "a%2E"],
    ["CON", "%43ON"],
    ["nul.txt", "%6Eul.txt"],
    ["C:\\x", "C%3A%5Cx"],
    ["x".repeat(256), "the-id"],
  ] as const;
  for (const [key, name] of cases) expect([key, nameOf(key)]).toEqual([key, name]);
});

test("resultFileName() is a plain name whose key can be read back, so no two keys share one", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 25 }), (key) => {
      const name = nameOf(key);
      expect(name).toMatch(/^[A-Za-z0-9_%](?:[A-Za-z0-9._%-]*[A-Za-z0-9_%-])?$/);
      if (name !== "the-id") expect(decodeURIComponent(name)).toBe(key);
    }),
  );
});
