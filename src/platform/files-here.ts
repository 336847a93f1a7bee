// Whether words of a command line name files, asked before anything is read.

import { statSync } from "node:fs";

/** True for a file, a pipe or a link to one; not for a folder. */
export function isFileHere(word: string): boolean {
  try {
    return !statSync(word).isDirectory();
  } catch {
    return false; // Any word may be a path that leads nowhere, or none at all.
  }
}
