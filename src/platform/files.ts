// Small text files that a person named: read whole, with a bound, and with words for what is wrong with them.

import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";

import { errorCodeOf } from "./durable-files.ts";

/** `problem` continues a sentence that begins with the file's name: `does not exist`. */
export type ReadText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" | "unreadable"; readonly problem: string };

/** The text of a UTF-8 file of at most `sizeBytesMax` bytes. */
export function readText(path: string, sizeBytesMax: number): ReadText {
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    const stat = fstatSync(file);
    if (stat.isDirectory()) return { kind: "unreadable", problem: "is a folder, not a file" };
    if (stat.size > sizeBytesMax) {
      const problem = `has ${stat.size} bytes; at most ${sizeBytesMax} are read`;
      return { kind: "unreadable", problem };
    }
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
    return { kind: "text", text };
  } catch (error) {
    return readProblem(error);
  } finally {
    if (file !== null) closeSync(file);
  }
}

function readProblem(error: unknown): ReadText {
  if (error instanceof TypeError) return { kind: "unreadable", problem: "is not UTF-8 text" };
  const code = errorCodeOf(error) ?? "unknown error";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return { kind: "missing", problem: "does not exist" };
  }
  if (code === "EACCES" || code === "EPERM") {
    return { kind: "unreadable", problem: "may not be read by this user" };
  }
  return { kind: "unreadable", problem: `cannot be read (${code})` };
}
