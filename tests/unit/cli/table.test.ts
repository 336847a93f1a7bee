import { expect, test } from "bun:test";
import { toFacts, toTable } from "../../../src/cli/table.ts";
import { ageText, spanText } from "../../../src/cli/time-text.ts";

type Row = { readonly name: string; readonly count: number; readonly note?: string };
const columns = [
  { name: "NAME", text: (row: Row) => row.name, columnsMax: 8 },
  { name: "COUNT", text: (row: Row) => String(row.count), isRight: true },
  { name: "NOTE", text: (row: Row) => row.note ?? "" },
];

test("toTable() makes columns as wide as what stands in them, and leaves out empty ones", () => {
  expect(
    toTable(columns, [
      { name: "a", count: 5 },
      { name: "漢字", count: 12 },
    ]),
  ).toEqual(["NAME  COUNT", "a         5", "漢字     12"]);
});

test("toTable() makes cells safe, cuts them, and ends no line with spaces", () => {
  const rows = [
    { name: "\u001b[31mred", count: 1, note: "one\ntwo" },
    { name: "a long name", count: 2 },
  ];
  expect(toTable(columns, rows)).toEqual([
    "NAME      COUNT  NOTE",
    "[31mred       1  one two",
    "a long …      2",
  ]);
});

test("toFacts() leaves out what is not known", () => {
  expect(
    toFacts([
      ["job", "1"],
      ["group", null],
      ["status", "a\u202eb"],
    ]),
  ).toEqual(["job     1", "status  ab"]);
});

test("spanText() and ageText() use at most two units", () => {
  const s = 1000;
  expect([0, 450, 9_990, 61 * s, 3_600 * s, 90_061 * s, -5].map(spanText)).toEqual([
    "0.0s",
    "0.5s",
    "10.0s",
    "1m 1s",
    "1h",
    "1d 1h",
    "0.0s",
  ]);
  expect([-1, 400, 9_400, 12_000].map(ageText)).toEqual(["0s", "0s", "9s", "12s"]);
});
