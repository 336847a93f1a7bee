import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { toSafeJson, toSafeLine, toSafeText } from "../../../src/cli/safe-text.ts";
import { columnsOf } from "../../../src/platform/terminal.ts";

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const turning = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Text as a stranger would write it: much of what does harm, lone surrogates, and letters of all widths. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(
        "\u001b[31m",
        "\u001b]0;title\u0007",
        "\u009b2J",
        "\u202e",
        "\ud800",
        "\r",
        "漢字",
        "e\u0301",
      ),
    ),
  )
  .map((parts) => parts.join(""));

test("toSafeText() lets nothing through that steers a terminal, whatever it is given", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const safe = toSafeText(text);
      expect(safe).not.toMatch(controls);
      expect(safe).not.toMatch(turning);
      expect(safe.isWellFormed()).toBe(true);
      expect(toSafeText(safe)).toBe(safe);
    }),
  );
});

test("toSafeText() leaves all else as it is", () => {
  for (const text of ["", "a b", "tab\there\nand there", "Grüße, 漢字, e\u0301, 👩‍🚀", "a\\u001b"]) {
    expect(toSafeText(text)).toBe(text);
  }
  expect(toSafeText("one\r\ntwo\rthree")).toBe("one\ntwothree");
  expect(toSafeText("\u001b[31mred\u001b[0m")).toBe("[31mred[0m");
  expect(toSafeText("a\ud800b\udc00")).toBe("ab");
});

test("toSafeLine() gives one line of at most so many columns, whatever it is given", () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: -5, max: 300 }), (text, columns) => {
      const line = toSafeLine(text, columns);
      expect(line).not.toMatch(/[\n\t]/);
      expect(line).not.toMatch(controls);
      expect(line.isWellFormed()).toBe(true);
      expect(columnsOf(line)).toBeLessThanOrEqual(Math.max(1, Math.min(columns, 200)));
    }),
  );
});

test("toSafeLine() shows that something was cut off, and cuts nothing that fits", () => {
  expect(toSafeLine("frame-0001", 10)).toBe("frame-0001");
  expect(toSafeLine("frame-0001", 9)).toBe("frame-00…");
  expect(toSafeLine("漢字漢字", 8)).toBe("漢字漢字");
  expect(toSafeLine("漢字漢字", 6)).toBe("漢字…");
  expect(toSafeLine("a\nb\tc", 10)).toBe("a b c");
  expect(toSafeLine("x".repeat(1_000_000))).toBe(`${"x".repeat(199)}…`);
});

test("toSafeLine() is not fooled by characters without a column", () => {
  const piled = `a${"\u0301".repeat(100_000)}`;
  expect(toSafeLine(piled).length).toBeLessThan(1_000);
});

test("toSafeJson() gives the same value without what steers a terminal", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const json = toSafeJson({ text });
      expect(json).not.toMatch(controls);
      expect(json).not.toMatch(turning);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});
