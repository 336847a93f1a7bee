// The file RESERVE: room on the disk that is kept back. When the database finds the disk full the file is taken away
// at once, so that claims and results still fit; it is made again when there is room.

import { join } from "node:path";
import type { Reserve } from "../broker/disk-level.ts";
import { reserveBytes } from "../domain/limits.ts";
import { removeNow, writeWhole } from "../platform/durable-files.ts";
import { sizeOrNull } from "../platform/file-system.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";

export type ReserveFile = Reserve & {
  /** Frees the room before it returns; false when there is none to free. */
  giveUp(): boolean;
};

export async function openReserve(
  directory: string,
  { random, log }: { readonly random: Random; readonly log: Log },
): Promise<ReserveFile> {
  const path = join(directory, "RESERVE");
  let state: ReturnType<Reserve["state"]> =
    (await sizeOrNull(path)) === reserveBytes ? "kept" : "missing";
  return {
    state: () => state,
    async make() {
      await writeWhole(path, noise(random));
      state = "kept";
    },
    giveUp() {
      if (state !== "kept") return false;
      removeNow(path);
      state = "given-up";
      log.warn("disk.reserve_given_up", { bytes: reserveBytes });
      return true;
    },
  };
}

// Chance, because some file systems keep zeros without taking room for them.
function* noise(random: Random): Generator<Uint8Array> {
  const pieceBytes = 64 * 1024;
  for (let made = 0; made < reserveBytes; made += pieceBytes) yield random.bytes(pieceBytes);
}
