import { expect, test } from "bun:test";
import {
  combinations,
  gathered,
  recordsOf,
  type ArgumentRecord,
  type Source,
} from "../../../../src/cli/map/sources.ts";
import { linesOf } from "../../../../src/cli/map/lines.ts";
import { readMapWords } from "../../../../src/cli/map/read-words.ts";

const oneColumn = { columns: null };

function wordsOf(line: string): readonly Source[] {
  return readMapWords(line.split(" ")).sources.map(({ from, isLinked }) => ({
    records: recordsOf(from.kind === "words" ? from.words : [], oneColumn),
    isLinked,
  }));
}

async function listed(records: AsyncIterable<ArgumentRecord>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const record of records) lines.push(record.join(" "));
  return lines;
}

async function* piecesOf(...texts: readonly string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test("combinations() goes through every combination, the first source changing slowest", async () => {
  expect(await listed(combinations(wordsOf("::: a b ::: 1 2 ::: x")))).toEqual([
    "a 1 x",
    "a 2 x",
    "b 1 x",
    "b 2 x",
  ]);
});

test("combinations() keeps linked sources in step, and the shorter one ends them", async () => {
  expect(await listed(combinations(wordsOf("::: a b c :::+ 1 2")))).toEqual(["a 1", "b 2"]);
  expect(await listed(combinations(wordsOf("::: a b :::+ 1 2 ::: x y")))).toEqual([
    "a 1 x",
    "a 1 y",
    "b 2 x",
    "b 2 y",
  ]);
});

test("combinations() of an empty source, or of none, is nothing", async () => {
  expect(await listed(combinations(wordsOf("::: a b :::")))).toEqual([]);
  expect(await listed(combinations([]))).toEqual([]);
});

test("combinations() reads the first source only as far as it is asked", async () => {
  let readCount = 0;
  async function* endless() {
    for (;;) {
      readCount += 1;
      yield [`${readCount}`];
    }
  }
  const found: string[] = [];
  for await (const [value = ""] of combinations([{ records: endless(), isLinked: false }])) {
    found.push(value);
    if (found.length === 3) break;
  }
  expect([found, readCount]).toEqual([["1", "2", "3"], 3]);
});

test("gathered() gives each job so many arguments, the last one what is left", async () => {
  const records = recordsOf(["a", "b", "c"], oneColumn);
  expect(await listed(gathered(records, 2))).toEqual(["a b", "c"]);
});

test("recordsOf() splits columns at a pattern", async () => {
  const rows: ArgumentRecord[] = [];
  for await (const row of recordsOf(["a  b", "c"], { columns: / +/ })) rows.push(row);
  expect(rows).toEqual([["a", "b"], ["c"]]);
});

test("linesOf() joins lines and characters that were cut anywhere", async () => {
  const bytes = new TextEncoder().encode("é one\ntwo\n\nlast");
  async function* bytewise() {
    for (const byte of bytes) yield Uint8Array.of(byte);
  }
  expect(await Array.fromAsync(linesOf(bytewise(), "\n"))).toEqual(["é one", "two", "", "last"]);
  expect(await Array.fromAsync(linesOf(piecesOf("a\0b\n\0"), "\0"))).toEqual(["a", "b\n"]);
  expect(await Array.fromAsync(linesOf(piecesOf(), "\n"))).toEqual([]);
});

test("readMapWords() tells the command from its sources", () => {
  expect(readMapWords(["echo", "-n", ":::", "a", "::::", "f", "g", ":::+", "x"])).toEqual({
    command: ["echo", "-n"],
    sources: [
      { from: { kind: "words", words: ["a"] }, isLinked: false },
      { from: { kind: "file", path: "f" }, isLinked: false },
      { from: { kind: "file", path: "g" }, isLinked: false },
      { from: { kind: "words", words: ["x"] }, isLinked: true },
    ],
  });
  expect(readMapWords(["wc", "-l"])).toEqual({ command: ["wc", "-l"], sources: [] });
});

test("readMapWords() refuses a link to nothing and a list of no files", () => {
  expect(() => readMapWords(["echo", ":::+", "a"])).toThrow("go along with a source before them");
  expect(() => readMapWords(["echo", "::::"])).toThrow("No file stands behind ::::");
});
