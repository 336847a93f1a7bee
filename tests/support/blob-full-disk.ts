// Fills a small disk with one blob, then shows that nothing of it stayed and that a smaller one fits.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openDiskBlobStore } from "../../src/blobs/disk/disk-blob-store.ts";
import { GridError } from "../../src/domain/errors.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

const directory = join(process.argv[2] ?? "", "blobs");
const blobs = await openDiskBlobStore({ directory, random: createSystemRandom() });

async function* zeros(size: number) {
  for (let sent = 0; sent < size; sent += 50_000) yield new Uint8Array(50_000);
}

const error = await blobs.put(zeros(2_000_000), Number.MAX_SAFE_INTEGER).catch((thrown) => thrown);
const code = error instanceof GridError ? error.code : String(error);
const isPathTold = String(error).includes(directory);
const entries = await readdir(directory, { recursive: true, withFileTypes: true });
const left = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
const sizeAfterwards = (await blobs.put(zeros(100_000), Number.MAX_SAFE_INTEGER)).size;
console.log(JSON.stringify({ code, isPathTold, left, sizeAfterwards }));
