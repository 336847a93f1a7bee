import { expect, test } from "bun:test";
import { numbersOf, parseSelector, parseSelectors } from "../../../src/cli/selectors.ts";
import { UsageMistake } from "../../../src/cli/trouble.ts";

/** The numbers that a word stands for, or what else it is. */
function meaningOf(word: string): unknown {
  const selector = parseSelector(word);
  return selector.kind === "numbers" ? [...numbersOf(selector.ranges)] : selector;
}

function mistakeIn(word: string): string {
  try {
    parseSelector(word);
  } catch (error) {
    if (error instanceof UsageMistake) return error.message;
  }
  return "none";
}

test("parseSelector() reads numbers, ranges, steps and lists of them", () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["12", [12]],
    ["1-5", [1, 2, 3, 4, 5]],
    ["1-9:2", [1, 3, 5, 7, 9]],
    ["1-10:4", [1, 5, 9]],
    ["1,3,5-8", [1, 3, 5, 6, 7, 8]],
    ["7-7", [7]],
  ];
  for (const [word, numbers] of cases) expect([word, meaningOf(word)]).toEqual([word, numbers]);
});

test("parseSelector() reads every other form", () => {
  const id = "0199b6a2-1111-7222-8333-444455556666";
  const cases: readonly (readonly [string, unknown])[] = [
    ["last", { kind: "last" }],
    ["all", { kind: "filter", filter: {} }],
    ["group:film", { kind: "filter", filter: { group: "film" } }],
    ["group:a:b", { kind: "filter", filter: { group: "a:b" } }],
    ["@render", { kind: "filter", filter: { type: "render" } }],
    ["label:user=pat", { kind: "label", name: "user", value: "pat" }],
    ["label:a=b=c", { kind: "label", name: "a", value: "b=c" }],
    ["label:a=", { kind: "label", name: "a", value: "" }],
    [id, { kind: "job", name: id }],
    ["frame-0001", { kind: "job", name: "frame-0001" }],
    ["film:frame", { kind: "job", name: "film:frame" }],
    ["c:/data", { kind: "job", name: "c:/data" }],
    ["key:last", { kind: "job", name: "last" }],
    ["key:gruop:x", { kind: "job", name: "gruop:x" }],
    ["key:5-1", { kind: "job", name: "5-1" }],
  ];
  for (const [word, meaning] of cases) expect([word, meaningOf(word)]).toEqual([word, meaning]);
});

test("parseSelector() names the nearest form for one that is none", () => {
  const cases = [
    ["gruop:film", "Did you mean group:film?"],
    ["lable:a=b", "Did you mean label:a=b?"],
    ["type:render", "Did you mean @render?"],
    ["5-1", "write 12, 1-5"],
    ["1-", "write 12, 1-5"],
    ["1-9:0", "write 12, 1-5"],
    ["1,,2", "write 12, 1-5"],
    ["1-999999999", "more than 100000 numbers"],
    ["@", "the name of a type"],
    ["group:", "the name of a group"],
    ["label:user", "like label:user=pat"],
    ["a\u001bb", "control or direction characters"],
    ["key:12", "numbers name jobs by their short number"],
    ["", "at least one character"],
  ] as const;
  for (const [word, remedy] of cases)
    expect([word, mistakeIn(word)]).toEqual([word, expect.stringContaining(remedy)]);
});

test("parseSelectors() reads several", () => {
  expect(parseSelectors(["1", "last"]).map(({ kind }) => kind)).toEqual(["numbers", "last"]);
});
