// The few files that an agent keeps in a job's folder. Small and at once: a job may last less than what a detour
// through other threads costs. What lies there may be of the job's making, so nothing is followed or believed.

import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { errorCodeOf } from "./durable-files.ts";

/** A folder that must not be there yet, for this user alone. */
export function makeJobFolder(path: string): void {
  mkdirSync(path, { mode: 0o700 });
}

/** False too for one that cannot be looked at. */
export function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** A file that must not be there yet, for this user alone. */
export function makeJobFile(path: string, bytes: Uint8Array): void {
  writeFileSync(path, bytes, { flag: "wx", mode: 0o600 });
}

/** What a job left at a path; links are not followed. */
export type Left =
  | { readonly kind: "file"; readonly sizeBytes: number }
  | { readonly kind: "nothing" }
  | { readonly kind: "other" };

export function leftAt(path: string): Left {
  try {
    const facts = lstatSync(path);
    return facts.isFile() ? { kind: "file", sizeBytes: facts.size } : { kind: "other" };
  } catch (error) {
    return { kind: errorCodeOf(error) === "ENOENT" ? "nothing" : "other" };
  }
}

/** A file that was found to be small. */
export function readJobFile(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
