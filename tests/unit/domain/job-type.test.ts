import { expect, test } from "bun:test";
import { isTypeName } from "../../../src/domain/job-type.ts";

test("isTypeName() lets names pass that may stand in a path [GL-60]", () => {
  for (const name of ["a", "7", "robot-reach", "A.b_c-9", "x".repeat(64), "submit", "a__proto__"]) {
    expect([name, isTypeName(name)]).toEqual([name, true]);
  }
});

test("isTypeName() refuses names that a path cannot hold", () => {
  const bad = ["", ".", "..", "-a", "_a", ".a", "a/b", "a b", "a\n", "é", "a%", "x".repeat(65)];
  for (const name of bad) expect([name, isTypeName(name)]).toEqual([name, false]);
});

test("isTypeName() refuses the verbs of the API", () => {
  for (const name of ["delete", "cancel", "retry", "hold", "unhold"]) {
    expect([name, isTypeName(name)]).toEqual([name, false]);
  }
});
