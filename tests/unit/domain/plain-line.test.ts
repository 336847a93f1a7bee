import { expect, test } from "bun:test";
import { plainLine } from "../../../src/domain/plain-line.ts";

test("plainLine() makes one line without hidden characters", () => {
  expect(plainLine(" a\r\n\tb\u001b]0;x\u0007c\u202ed ", 100)).toBe("a b ]0;x c d");
});

test("plainLine() cuts, and never leaves half a character", () => {
  expect(plainLine("abc", 2)).toBe("ab");
  expect(plainLine("a😀", 2).isWellFormed()).toBe(true);
  expect(plainLine("\u0007".repeat(1000), 10)).toBe("");
});
