import { expect, test } from "bun:test";
import { GridError } from "../../../src/domain/errors.ts";
import { parseProblem, toProblem } from "../../../src/protocol/problem.ts";

test("parseProblem() reads what toProblem() wrote", () => {
  const problem = toProblem(new GridError("key-taken", "The key k is taken.", { key: "k" }));
  expect(problem).toEqual({
    title: "The key is taken",
    status: 409,
    detail: "The key k is taken.",
    code: "key-taken",
    info: { key: "k" },
    problem: "The key k is taken.",
  });
  expect(parseProblem(JSON.parse(JSON.stringify(problem)))).toEqual(problem);
});

test("parseProblem() takes nothing else for a problem", () => {
  const whole = toProblem(new GridError("quota", "Used up."));
  const others = [null, "x", [], {}, { ...whole, code: "toString" }, { ...whole, status: "429" }];
  for (const body of others) expect(parseProblem(body)).toBeNull();
});
