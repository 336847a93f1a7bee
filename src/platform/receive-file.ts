// Files that come from elsewhere into a folder of the user: each appears whole, none leads out of the folder, also not
// by a link that stands there.

import { constants } from "node:fs";
import { lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf, writeAll } from "./durable-files.ts";

/** Makes or replaces a file. "refused": a link or something else than a folder stands on the way. */
export async function receiveFile(
  folder: string,
  path: string,
  isExecutable: boolean,
  pieces: AsyncIterable<Uint8Array>,
): Promise<"received" | "refused"> {
  if (!(await isOpenWay(folder, dirname(path)))) return "refused";
  const target = join(folder, path);
  const word = `${process.pid}-${Bun.hash(path).toString(36)}`;
  const draft = join(dirname(target), `.gridlike-${word}.part`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(
    draft,
    O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0),
    isExecutable ? 0o777 : 0o666, // As far as the user's own mask lets it.
  );
  try {
    try {
      for await (const piece of pieces) await writeAll(file, piece);
    } finally {
      await file.close();
    }
    await rename(draft, target);
    return "received";
  } catch (error) {
    await unlink(draft).catch(() => {}); // The first error is the one to tell.
    if (errorCodeOf(error) === "EISDIR" || errorCodeOf(error) === "ENOTEMPTY") return "refused";
    throw error;
  }
}

/** Makes the folders on the way; false where one of them is a link, or no folder. */
async function isOpenWay(folder: string, below: string): Promise<boolean> {
  let at = folder;
  for (const part of below.split("/").filter((name) => name !== "" && name !== ".")) {
    at = join(at, part);
    await mkdir(at).catch((error: unknown) => {
      if (errorCodeOf(error) !== "EEXIST") throw error;
    });
    if (!(await lstat(at)).isDirectory()) return false;
  }
  return true;
}
