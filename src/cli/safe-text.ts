// The one way by which names, notes, logs and all else from outside reach a terminal: without what would steer it,
// turn the text around or hide a part of it.

import { columnsOf } from "../platform/terminal.ts";

/** One line of a table or a sentence is never longer, whoever wrote it. */
const lineColumnsMax = 200;

/** Characters without a column, such as accents, that one line may pile up. */
const lineUnitsMax = 4 * lineColumnsMax;

// All control characters but tab and newline, and those that reverse or break the reading order.
const steering =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const surrogates = /\p{Surrogate}/gu;
const plainLine = /^[ -~]*$/;

/** Text of any number of lines: tabs and newlines stay. */
export function toSafeText(text: string): string {
  if (plainLine.test(text)) return text;
  return text.replaceAll("\r\n", "\n").replaceAll(steering, "").replaceAll(surrogates, "");
}

/** The same as one line of at most `columnsMax` columns; what is cut off is shown by `…`. */
export function toSafeLine(text: string, columnsMax = lineColumnsMax): string {
  const max = Math.max(1, Math.min(columnsMax, lineColumnsMax));
  // More can never be shown, so a text of megabytes is not looked at as a whole.
  const seen = text.slice(0, lineUnitsMax);
  const line = toSafeText(seen.replaceAll(/[\r\n\t]+/g, " "));
  const isWhole = seen.length === text.length;
  return isWhole && columnsOf(line) <= max ? line : `${fitting(line, max - 1)}…`;
}

/** The longest beginning that takes at most `columns`, never within a character. */
function fitting(line: string, columns: number): string {
  if (columnsOf(line) <= columns) return line;
  let taken = 0;
  let end = 0;
  for (const character of line) {
    taken += columnsOf(character);
    if (taken > columns) break;
    end += character.length;
  }
  return line.slice(0, end);
}

/** JSON whose text no terminal takes for a command: the same value, with the steering characters written out. */
export function toSafeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
