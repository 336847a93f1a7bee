// Standard output and standard error as a person or a program reads them: whether it is a terminal, how wide, and
// output that waits until it was taken.

import { errorCodeOf } from "./durable-files.ts";

export type Output = "stdout" | "stderr";

/** Thrown where whoever read our output has gone, as `head` does. No failure of anything. */
export class ReaderGone extends Error {
  constructor() {
    super("Nobody reads the output any more.");
    this.name = "ReaderGone";
  }
}

export function isTerminal(output: Output): boolean {
  const { isTTY } = process[output] as { readonly isTTY?: boolean }; // Undefined where it is none.
  return isTTY ?? false;
}

/** Columns of the terminal, or null where there is none. */
export function terminalColumns(output: Output): number | null {
  return isTerminal(output) && process[output].columns > 0 ? process[output].columns : null;
}

/** How many columns a text takes: letters of East Asia and pictures take two, accents none. */
export function columnsOf(text: string): number {
  return Bun.stringWidth(text);
}

/** Resolves when the reader has taken it, so that no more is made than is read. Throws `ReaderGone`. */
export function writeOut(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => {
      if (error === undefined || error === null) return resolve();
      reject(errorCodeOf(error) === "EPIPE" ? new ReaderGone() : error);
    });
  });
}
