// How the files of partial uploads are called: `<name>.<bytes kept>-<bytes in the end>`. The name of a file says
// what is durable in it; bytes behind that were cut off and do not count.

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeIfThere } from "../../platform/durable-files.ts";
import type { StoredParts } from "../part-store.ts";

const filePattern = /^([0-9A-Za-z][0-9A-Za-z.-]{0,99})\.([0-9]{1,15})-([0-9]{1,15})$/;

export function partFileOf(name: string, { size, total }: Pick<StoredParts, "size" | "total">) {
  return `${name}.${size}-${total}`;
}

/** What stands in the directory, by name. Files that hold less than they say are taken away; foreign ones stay. */
export async function readPartFiles(directory: string): Promise<Map<string, StoredParts>> {
  const found = new Map<string, StoredParts>();
  for (const file of await readdir(directory)) {
    const [, name = "", size = "", total = ""] = filePattern.exec(file) ?? [];
    if (name === "") continue;
    const path = join(directory, file);
    const { size: fileBytes, mtimeMs: changedAt } = await stat(path);
    const parts = { size: Number(size), total: Number(total), changedAt };
    const rival = found.get(name);
    // Two of one name: it was begun anew just before a crash. The newer one is what the sender goes on with.
    const isOlder = rival !== undefined && rival.changedAt > changedAt;
    if (fileBytes < parts.size || isOlder) await removeIfThere(path);
    else {
      if (rival !== undefined) await removeIfThere(join(directory, partFileOf(name, rival)));
      found.set(name, parts);
    }
  }
  return found;
}

/** Opens a file for bytes behind the first `size`; what lies there already is cut off. */
export async function openPartFile(path: string, size: number) {
  const file = await open(path, size === 0 ? "w" : "r+", 0o600);
  try {
    await file.truncate(size);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
