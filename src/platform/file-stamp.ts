// Tells whether a file is still the one that was seen before, without reading it.

import { statSync } from "node:fs";

/** Differs when the file was written to or replaced; null when there is none. */
export function stampOf(path: string): string | null {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts === undefined ? null : `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
}
