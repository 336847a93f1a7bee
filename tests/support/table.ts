// Text tables: one case per line, columns parted by two or more spaces, each a word and its settings
// (`running n=2 failures=1`). A sentence in parentheses at the end is for the reader.

export type Cell = { readonly word: string; readonly settings: ReadonlyMap<string, string> };
export type Row = { readonly line: string; readonly cells: readonly Cell[] };

export function parseTable(table: string, columnCount: number): readonly Row[] {
  const lines = table.split("\n").map((line) => line.replace(/\s\([^()]*\)\s*$/, "").trim());
  const rows = lines.filter((line) => line !== "").map((line) => toRow(line, columnCount));
  if (rows.length === 0) throw new Error("The table has no rows.");
  return rows;
}

/** The number that a setting gives, or undefined when it is left out. */
export function numberOf({ settings }: Cell, name: string): number | undefined {
  const text = settings.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) throw new Error(`${name}=${text} is no number.`);
  return value;
}

/** Refuses settings that nobody reads: a typing error must not make a row pass. */
export function refuseUnknown({ word, settings }: Cell, known: readonly string[]): void {
  for (const name of settings.keys()) {
    if (!known.includes(name)) throw new Error(`${word} has no setting "${name}".`);
  }
}

function toRow(line: string, columnCount: number): Row {
  const cells = line.split(/\s{2,}/).map(toCell);
  if (cells.length !== columnCount) {
    throw new Error(`"${line}" has ${cells.length} columns; ${columnCount} are wanted.`);
  }
  return { line, cells };
}

function toCell(text: string): Cell {
  const words = text.split(" ");
  const pairs = words.filter((word) => word.includes("="));
  return {
    word: words.filter((word) => !word.includes("=")).join(" "),
    settings: new Map(
      pairs.map((pair) => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at), pair.slice(at + 1)];
      }),
    ),
  };
}
