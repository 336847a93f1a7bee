// Holds docs/ancestors.md against the tests: a row is shown exactly when a test has its id in its title.
import { expect, test } from "bun:test";
import { filesOf } from "./project-files.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

type Row = { readonly id: string; readonly state: string };

const page = readFileSync(join(import.meta.dir, "../../docs/ancestors.md"), "utf8");

function rowsOf(text: string): readonly Row[] {
  const rows = text.matchAll(/^\| ((?:GL|GI|BA|GC)-[0-9]+) \|.*\| ([^|]+) \|$/gm);
  return Array.from(rows, ([, id = "", state = ""]) => ({ id, state: state.trim() }));
}

function idsShown(texts: readonly string[]): ReadonlySet<string> {
  const ids = texts.flatMap((text) => text.match(/\[(?:GL|GI|BA|GC)-[0-9]+\]/g) ?? []);
  return new Set(ids.map((id) => id.slice(1, -1)));
}

/** What the page says otherwise than the tests. */
function disagreements(rows: readonly Row[], shown: ReadonlySet<string>): readonly string[] {
  const known = new Set(rows.map(({ id }) => id));
  return [
    ...rows.flatMap(({ id, state }) => {
      if (shown.has(id) && state === "open") return [`${id} has a test: its row is "shown"`];
      if (!shown.has(id) && state === "shown") return [`${id} has no test: its row is "open"`];
      return /^(open|shown|changed: .+)$/.test(state) ? [] : [`${id} has the state "${state}"`];
    }),
    ...[...shown].filter((id) => !known.has(id)).map((id) => `${id} is no row`),
  ];
}

test("disagreements() finds rows that say more or less than the tests", () => {
  const rows = rowsOf("| GL-01 | a | open |\n| GL-02 | b | shown |\n| GL-03 | c | maybe |");
  expect(disagreements(rows, idsShown(["… [GL-01]", "… [GL-09]"]))).toEqual([
    'GL-01 has a test: its row is "shown"',
    'GL-02 has no test: its row is "open"',
    'GL-03 has the state "maybe"',
    "GL-09 is no row",
  ]);
});

test("docs/ancestors.md has all 226 rows and agrees with the tests", () => {
  const own = "tests/tidy/ancestors.test.ts";
  const texts = [...filesOf("tests/**/*.ts")]
    .filter(([path]) => path !== own)
    .map(([, text]) => text);
  const rows = rowsOf(page);
  expect(rows.length).toBe(226);
  expect(disagreements(rows, idsShown(texts))).toEqual([]);
});
