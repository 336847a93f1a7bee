// A data directory with a store in it that works as a server's does, but for its doors: to be backed up, examined,
// damaged and restored.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewContent } from "../../src/domain/blob-ref.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { openBackups } from "../../src/wiring/back-up.ts";
import { countStart } from "../../src/wiring/count-start.ts";
import { openDataDirectory } from "../../src/wiring/data-dir.ts";
import { openStorage } from "../../src/wiring/storage.ts";
import { configOf } from "./a-config.ts";
import { aNewJob } from "./builders.ts";
import { addJob, claimBy, putStep } from "./store-steps.ts";

export type GridPlace = Awaited<ReturnType<typeof createGridPlace>>;

export async function createGridPlace() {
  const folder = await mkdtemp(join(tmpdir(), "grid-place-"));
  return {
    folder,
    path: join(folder, "data"),
    open: (path = join(folder, "data")) => openGrid(path),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function openGrid(path: string) {
  const parts = {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: createSilentLog(),
  };
  const directory = await openDataDirectory({ path, ...parts });
  const onBroken = (error: unknown) => {
    throw error;
  };
  const storage = await openStorage({ config: configOf(null), directory, ...parts, onBroken });
  const { jobs, blobs } = storage.staged;
  const incarnation = await countStart(directory, jobs, "power");
  const backups = await openBackups({ ...parts, ...storage, ...storage.staged, directory });
  const put = async (bytes: Uint8Array): Promise<NewContent> => {
    const ref = await blobs.put(
      (async function* () {
        yield bytes;
      })(),
      Number.MAX_SAFE_INTEGER,
    );
    return { ...ref, contentType: null, inline: null };
  };
  return {
    directory,
    storage,
    jobs,
    blobs,
    backups,
    incarnation,
    put,
    /** Adds a job whose payload is a file; answers with its number and the payload. */
    async addLarge(key: string, bytes: Uint8Array) {
      const payload = await put(bytes);
      return { seq: await addJob(jobs, aNewJob({ key, payload })), payload };
    },
    async claim(seq: number) {
      await putStep(jobs, seq, claimBy("w"));
    },
    async backUp(): Promise<Uint8Array> {
      return new Uint8Array(await new Response(await backups.open()).arrayBuffer());
    },
    async close() {
      await backups.close();
      const eventSeq = await jobs.lastEventSeq();
      await directory.writeHighWater({ incarnation, eventSeq });
      await storage.close();
      await directory.close();
    },
  };
}
