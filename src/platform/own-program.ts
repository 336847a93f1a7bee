// The executable that runs now, as a runtime for scripts: the compiled program is one when this variable says so.

import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Path of this executable, and what its environment needs to run scripts instead of being itself. */
export function scriptRuntime(): {
  readonly path: string;
  readonly env: { readonly [name: string]: string };
} {
  return { path: process.execPath, env: { BUN_BE_BUN: "1" } };
}

/** Calls with the path of a file that holds the text, which is gone afterwards. `name` must not be taken. */
export function withTextFile<T>(name: string, text: string, call: (path: string) => T): T {
  const path = join(tmpdir(), name);
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    return call(path);
  } finally {
    rmSync(path, { force: true });
  }
}
