// A disk that is full under a store: the reserve lets claims and results through, and comes back. [R-14 in small]

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

const program = join(import.meta.dir, "../support/full-disk-server.ts");
const canTry = canMount();
if (!canTry) console.error("disk-full: skipped, no small disk can be mounted here");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "grid-full-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(reserve: "0" | "1") {
  const command = onSmallDisk([process.execPath, program, folder, reserve], folder, "64m");
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", timeout: 30_000 });
  const [said, complained] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(complained);
  return JSON.parse(said) as { [name: string]: unknown };
}

test.skipIf(!canTry)(
  "a full disk ends no claim and no result while there is a reserve, and takes jobs again when it can",
  async () => {
    expect(await run("1")).toEqual({
      doneCount: 50,
      refusal: "",
      whileFull: "low",
      afterwards: "normal",
    });
  },
  30_000,
);

test.skipIf(!canTry)(
  "a full disk without a reserve refuses with disk-low, and all goes on when there is room",
  async () => {
    const { doneCount, refusal } = await run("0");
    expect(refusal).toBe("disk-low");
    expect(doneCount).toBeLessThan(50);
  },
  30_000,
);
