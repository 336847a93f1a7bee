// Opens a data directory in a process of its own and holds it until the process is killed or its input ends.
// With "forget" nothing but the lock itself refers to what was opened, and the collector has run.

import { openDataDirectory } from "../../src/wiring/data-dir.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

const [path = "", how = "keep"] = process.argv.slice(2);

const open = () =>
  openDataDirectory({
    path,
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: createSilentLog(),
  });

async function keep(): Promise<void> {
  const directory = await open();
  await directory.noteAddress("http://127.0.0.1:7171");
  await tellAndWait();
  await directory.close();
}

async function forget(): Promise<void> {
  await (async () => void (await open()))();
  for (let round = 0; round < 20; round += 1) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await tellAndWait();
}

async function tellAndWait(): Promise<void> {
  console.log(JSON.stringify({ held: true }));
  for await (const _ of Bun.stdin.stream());
}

try {
  await (how === "forget" ? forget() : keep());
} catch (error) {
  console.log(JSON.stringify({ held: false, error: String(error) }));
}
