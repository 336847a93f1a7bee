// Stores and reads one large blob in a process of its own, so that its peak of memory can be told.

import { openDiskBlobStore } from "../../src/blobs/disk/disk-blob-store.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

const [directory = "", mebibytes = ""] = process.argv.slice(2);
const blobs = await openDiskBlobStore({ directory, random: createSystemRandom() });

async function* chunks() {
  for (let sent = 0; sent < Number(mebibytes) * 16; sent += 1) yield new Uint8Array(64 * 1024);
}

const ref = await blobs.put(chunks(), Number.MAX_SAFE_INTEGER);
let read = 0;
for await (const chunk of (await blobs.open(ref))!) read += chunk.length;
console.log(JSON.stringify({ read }));
