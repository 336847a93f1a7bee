// What a program that works on this machine for a while needs of it: a folder of its own, and how many processors.

import { mkdtemp } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh folder for this user alone; whoever asked for it removes it. */
export function makeTemporaryFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `${name}-`));
}

/** Processors that this process may use. */
export function processorCount(): number {
  return availableParallelism();
}
