// A file to which lines are added one after the other, each in the system's hands when it was added.

import { closeSync, openSync, writeSync } from "node:fs";

export type LineFile = { add(line: string): void; close(): void };

/** Begins anew, or goes on behind what stands there. */
export function openLineFile(path: string, how: "anew" | "append"): LineFile {
  const file = openSync(path, how === "anew" ? "w" : "a");
  return { add: (line) => void writeSync(file, line), close: () => closeSync(file) };
}
