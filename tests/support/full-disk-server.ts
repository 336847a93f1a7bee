// Lets a store run out of disk and shows what it still does: run on a small disk of its own, it fills that with a
// foreign file, claims and completes jobs, and tells what became of it. With "0" there is no reserve.

import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { openDataDirectory } from "../../src/wiring/data-dir.ts";
import { openStorage } from "../../src/wiring/storage.ts";
import { configOf } from "./a-config.ts";
import { aNewJob, smallContent } from "./builders.ts";
import { addJob, putStep, runToDone } from "./store-steps.ts";

const [folder = "", reserve = "1"] = process.argv.slice(2);
const path = join(folder, "data");
const parts = {
  clock: createSystemClock(),
  random: createSystemRandom(),
  log: createSilentLog(),
};
const directory = await openDataDirectory({ path, ...parts });
const config = configOf("[storage]\nlow_disk_bytes = 0\nlow_disk_percent = 0\n");
const onBroken = (error: unknown) => {
  console.error("broken", error);
  process.exit(74);
};
const storage = await openStorage({ config, directory, ...parts, onBroken });
const { jobs } = storage.staged;
if (reserve === "1") await storage.disk.state(); // Makes it.

const seqs: number[] = [];
for (let n = 0; n < 50; n += 1) seqs.push(await addJob(jobs, aNewJob()));
await fill(join(folder, "foreign"));

let doneCount = 0;
let refusal = "";
for (const seq of seqs) {
  try {
    await runToDone(jobs, seq, smallContent("r".repeat(20_000)));
    doneCount += 1;
  } catch (error) {
    refusal = error instanceof Error && "code" in error ? String(error.code) : String(error);
    break;
  }
}
await parts.clock.sleep(1_000, new AbortController().signal); // The next look at the disk.
const whileFull = (await storage.disk.state()).level;
await unlink(join(folder, "foreign"));
await parts.clock.sleep(1_000, new AbortController().signal);
const afterwards = (await storage.disk.state()).level;
const another = await addJob(jobs, aNewJob());
await putStep(jobs, another, { do: "cancel", at: parts.clock.now(), info: null });
console.log(JSON.stringify({ doneCount, refusal, whileFull, afterwards }));
await storage.close();
await directory.close();

/** Takes all that is left, to the last page. */
async function fill(file: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    for (const size of [1024 * 1024, 4096]) {
      try {
        for (;;) await handle.write(new Uint8Array(size).fill(1));
      } catch {
        continue; // Full; the rest takes smaller pieces.
      }
    }
  } finally {
    await handle.close();
  }
}
