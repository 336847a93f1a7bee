// Where a program lies that a person named: a path, or a name to be looked for in PATH as a shell does.

import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { errorCodeOf } from "./durable-files.ts";

/** `problem` continues a sentence that begins with the program's name. */
export type FoundProgram =
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "missing"; readonly problem: string };

/** `folder`: what a relative path is relative to. `path`: the folders to search, as in PATH. */
export function findProgram(name: string, folder: string, path: string): FoundProgram {
  if (!name.includes("/")) {
    const found = Bun.which(name, { PATH: path, cwd: folder });
    if (found !== null) return { kind: "found", path: resolve(folder, found) };
    return { kind: "missing", problem: "is in no folder of PATH" };
  }
  const whole = resolve(folder, name);
  const problem = problemOf(whole);
  return problem === null ? { kind: "found", path: whole } : { kind: "missing", problem };
}

/** True when a word names a file in `folder`, and not by its whole path. */
export function isFileIn(folder: string, word: string): boolean {
  if (word === "" || word.startsWith("/") || word.startsWith("-")) return false;
  try {
    return statSync(resolve(folder, word)).isFile();
  } catch {
    return false; // Any word may be a path that leads nowhere, or none at all.
  }
}

function problemOf(path: string): string | null {
  try {
    if (statSync(path).isDirectory()) return "is a folder";
    accessSync(path, constants.X_OK);
    return null;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    return code === "EACCES" ? "may not be executed by this user" : `cannot be used (${code})`;
  }
}
