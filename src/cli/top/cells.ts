// Lines of coloured pieces and tables of them, cut to the width that there is. Pure, unlike table.ts, whose width and
// colours are those of the terminal of the moment. What stands in the pieces comes from outside and is made safe here.

import { columnsOf } from "../../platform/terminal.ts";
import type { Colour } from "../output.ts";
import { toSafeLine } from "../safe-text.ts";

export type Piece = readonly [text: string, colour: Colour | null];
export type Line = readonly Piece[];
export type Paint = (text: string, colour: Colour) => string;

export function plain(text: string): Piece {
  return [text, null];
}

/** The line as text that takes at most `columns`. */
export function toText(line: Line, columns: number, paint: Paint): string {
  let left = columns;
  const parts: string[] = [];
  for (const [text, colour] of line) {
    if (left <= 0) break;
    const shown = toSafeLine(text, left);
    left -= columnsOf(shown);
    parts.push(colour === null || shown.trim() === "" ? shown : paint(shown, colour));
  }
  return parts.join("").trimEnd();
}

export type Column<Row> = {
  readonly name: string;
  readonly text: (row: Row) => string;
  readonly colour?: (row: Row) => Colour | null;
  readonly isRight?: boolean;
  /** Wider cells are cut. */
  readonly columnsMax?: number;
  /** Takes what the others leave, and is cut there. */
  readonly isRest?: boolean;
  /** Where the columns do not fit, that of the highest number is left out first; without one it stays. */
  readonly rank?: number;
};

/** The head and a line for each row. A column in which nothing stands is left out. */
export function toRows<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly Line[] {
  const filled = columns
    .map((column) => {
      const cells = rows.map((row) => toSafeLine(column.text(row), column.columnsMax));
      const widest = cells.reduce((max, cell) => Math.max(max, columnsOf(cell)), 0);
      return { column, cells, widest, width: Math.max(widest, column.name.length) };
    })
    .filter(({ widest }) => widest > 0);
  const shown = fitting(filled, width);
  const lineOf = (textOf: (at: number) => string, colourOf: (at: number) => Colour | null) =>
    shown.map(({ column, width: wide }, at): Piece => {
      const text = textOf(at);
      const isBare = at === shown.length - 1 && column.isRight !== true;
      const gap = " ".repeat(isBare ? 0 : Math.max(0, wide - columnsOf(text)));
      const space = at === 0 ? "" : "  ";
      return [space + (column.isRight === true ? gap + text : text + gap), colourOf(at)];
    });
  return [
    lineOf(
      (at) => shown[at]!.column.name, // One text for each column that is shown.
      () => "dim",
    ),
    ...rows.map((row, index) =>
      lineOf(
        (at) => shown[at]!.cells[index]!,
        (at) => shown[at]!.column.colour?.(row) ?? null,
      ),
    ),
  ];
}

type Filled = {
  readonly column: { readonly rank?: number; readonly isRest?: boolean };
  readonly width: number;
};

/** Of a sentence so much says something. */
const restColumnsMin = 24;

/** Without the columns that have no room. */
function fitting<One extends Filled>(columns: readonly One[], width: number): readonly One[] {
  const least = ({ column, width: wide }: One) =>
    column.isRest === true ? Math.min(wide, restColumnsMin) : wide;
  const needed = columns.reduce((sum, one) => sum + least(one) + 2, -2);
  const ranks = columns.map(({ column }) => column.rank ?? 0);
  const worst = Math.max(0, ...ranks);
  if (needed <= width || worst === 0) return columns;
  const last = ranks.lastIndexOf(worst);
  return fitting(
    columns.filter((_, at) => at !== last),
    width,
  );
}
