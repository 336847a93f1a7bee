// Keeps two parts of one upload on a disk, for whoever watches the calls that this takes.

import { openDiskPartStore } from "../../src/blobs/disk/disk-part-store.ts";
import { createSystemClock } from "../../src/platform/clock.ts";

const directory = process.argv[2] ?? "";
const parts = await openDiskPartStore({
  directory,
  clock: createSystemClock(),
  onBroken: () => {},
});
for (const size of [0, 3]) {
  const writer = await parts.append("a.1", { size, total: 6 });
  await writer.write(new Uint8Array(3));
  await writer.keep();
}
await parts.close();
