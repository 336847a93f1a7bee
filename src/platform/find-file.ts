// Words of a command line that name files and folders.

import { statSync } from "node:fs";
import { resolve } from "node:path";

/** From the root on, seen from where this process runs. */
export function wholePath(path: string): string {
  return resolve(path);
}

/** The whole path of the file that a word names, seen from `folder`; null when it names none. */
export function fileNamed(folder: string, word: string): string | null {
  if (word === "" || word.includes("\0")) return null;
  const path = resolve(folder, word);
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? path : null;
}
