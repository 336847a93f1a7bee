// What the program says: results on standard output, where a script reads them, everything else beside it.

import { environment, writeStderr, writeStdout } from "../platform/program.ts";
import { isTerminal, writeOut } from "../platform/terminal.ts";
import { toSafeJson } from "./safe-text.ts";

export function printResult(line: string): void {
  writeStdout(`${line}\n`);
}

export function printNotice(line: string): void {
  writeStderr(`${line}\n`);
}

/** A value as one line of JSON that any terminal can show. */
export function printJson(value: unknown): void {
  printResult(toSafeJson(value));
}

/** Many lines at the pace of their reader. Throws `ReaderGone`. */
export async function writeLines(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await writeOut(`${lines.join("\n")}\n`);
}

const colours = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2 } as const;
export type Colour = keyof typeof colours;

/** The text in colour where standard output is a terminal and nobody asked for none. */
export function paint(text: string, colour: Colour): string {
  return isColourful() ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text;
}

function isColourful(): boolean {
  const { NO_COLOR = "", TERM = "" } = environment();
  return isTerminal("stdout") && NO_COLOR === "" && TERM !== "dumb";
}
