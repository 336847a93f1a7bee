// Tables for people: columns as wide as what stands in them, none for what nothing stands in. Cells come from outside
// and are made safe here.

import { columnsOf, terminalColumns } from "../platform/terminal.ts";
import { paint, type Colour } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

export type Column<Row> = {
  readonly name: string;
  readonly text: (row: Row) => string;
  /** Wider cells are cut. */
  readonly columnsMax?: number;
  readonly colour?: (row: Row) => Colour | null;
  /** Numbers stand to the right. */
  readonly isRight?: boolean;
};

/** The lines of a table, its head first. */
export function toTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): readonly string[] {
  const filled = columns
    .map((column) => ({
      column,
      cells: rows.map((row) => toSafeLine(column.text(row), column.columnsMax)),
    }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const widths = filled.map(({ column, cells }) =>
    cells.reduce((max, cell) => Math.max(max, columnsOf(cell)), column.name.length),
  );
  const room = terminalColumns("stdout");
  const toLine = (texts: readonly string[], row: Row | null) =>
    texts
      .map((text, index) => {
        const { column } = filled[index]!; // One text for each column.
        const isLast = index === filled.length - 1 && column.isRight !== true;
        const width = isLast ? lastWidth(widths, room) : widths[index]!;
        const shown = isLast && width !== null ? toSafeLine(text, width) : text;
        return finish(shown, isLast ? null : width, column, row);
      })
      .join("  ")
      .trimEnd();
  const head = toLine(
    filled.map(({ column }) => column.name),
    null,
  );
  return [
    head,
    ...rows.map((row, at) =>
      toLine(
        filled.map(({ cells }) => cells[at]!),
        row,
      ),
    ),
  ];
}

/** Columns that are left for the last one, so that no line breaks; null where nothing bounds it. */
function lastWidth(widths: readonly number[], room: number | null): number | null {
  if (room === null) return null;
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  return Math.max(10, room - before);
}

function finish<Row>(text: string, width: number | null, column: Column<Row>, row: Row | null) {
  const gap = " ".repeat(Math.max(0, (width ?? 0) - columnsOf(text)));
  const colour = row === null ? "dim" : (column.colour?.(row) ?? null);
  const painted = colour === null ? text : paint(text, colour);
  return column.isRight === true ? gap + painted : painted + gap;
}

/** Names and values below one another; those without a value are left out. */
export function toFacts(facts: readonly (readonly [string, string | null])[]): readonly string[] {
  const known = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  const width = known.reduce((max, [name]) => Math.max(max, name.length), 0);
  return known.map(([name, value]) => `${paint(name.padEnd(width), "dim")}  ${toSafeLine(value)}`);
}
