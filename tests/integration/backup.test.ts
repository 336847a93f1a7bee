// Backups of a store that is in use, and their way back into an empty directory. [R-24 in small]

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, readdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../../src/platform/start-error.ts";
import { examine } from "../../src/wiring/examine.ts";
import { restore } from "../../src/wiring/restore.ts";
import { aNewJob, smallContent } from "../support/builders.ts";
import { createGridPlace, type GridPlace } from "../support/grid-place.ts";
import { addJob, removeJob, requireJob } from "../support/store-steps.ts";

let place: GridPlace;
beforeEach(async () => {
  place = await createGridPlace();
});
afterEach(() => place.remove());

const noise = (size: number) => crypto.getRandomValues(new Uint8Array(size));

async function restored(tar: Uint8Array, name = "restored") {
  const source = join(place.folder, `${name}.tar`);
  await writeFile(source, tar);
  const target = join(place.folder, name);
  const about = await restore({ source, target });
  return { about, target };
}

async function sentenceOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing was refused",
    (error: Error) => error.message,
  );
}

test("restore() brings back what a backup holds: jobs, small and large bytes, and whose grid it is", async () => {
  const grid = await place.open();
  const bytes = noise(50_000);
  const { seq, payload } = await grid.addLarge("large", bytes);
  await addJob(grid.jobs, aNewJob({ key: "small", payload: smallContent("little") }));
  await grid.claim(seq);
  const tar = await grid.backUp();
  const { clusterId } = grid.directory;
  await grid.close();

  const { about, target } = await restored(tar);
  expect(about.manifest).toMatchObject({ cluster_id: clusterId, incarnation: 1, event_seq: 3 });
  expect(about.end).toMatchObject({ blobs: 1, bytes: 50_000, damaged: [] });
  expect((await examine({ path: target, isDeep: true })).findings).toEqual([]);
  const again = await place.open(target);
  expect(again.directory.clusterId).toBe(clusterId);
  expect(again.incarnation).toBe(2);
  expect(await requireJob(again.jobs, seq)).toMatchObject({ key: "large", status: "running" });
  const stream = await again.blobs.open(payload);
  expect(new Uint8Array(await new Response(stream).arrayBuffer())).toEqual(bytes);
  const small = await again.jobs.find({ by: "key", key: "small" });
  expect(await again.jobs.inline(small!.payload)).toEqual(new TextEncoder().encode("little"));
  await again.close();
});

test("a backup holds what stood when it began, and bytes deleted meanwhile stay until it has ended", async () => {
  const grid = await place.open();
  const { seq, payload } = await grid.addLarge("early", noise(40_000));
  const stream = await grid.backups.open();
  for (const name of await removeJob(grid.jobs, seq)) await grid.blobs.delete(name);
  await grid.addLarge("late", noise(40_000));
  expect(await grid.blobs.open(payload)).not.toBeNull();
  const tar = new Uint8Array(await new Response(stream).arrayBuffer());
  expect(await grid.blobs.open(payload)).toBeNull();
  await grid.close();

  const { target } = await restored(tar);
  const again = await place.open(target);
  expect(await again.jobs.find({ by: "key", key: "early" })).not.toBeNull();
  expect(await again.jobs.find({ by: "key", key: "late" })).toBeNull();
  await again.close();
});

test("restore() gives a database that went on no reason to be taken for one that went back", async () => {
  const grid = await place.open();
  await grid.addLarge("a", noise(40_000));
  const tar = await grid.backUp();
  for (let n = 0; n < 50; n += 1) await addJob(grid.jobs, aNewJob());
  await grid.close();
  const { target } = await restored(tar);
  await (await place.open(target)).close();
  await (await place.open(target)).close();
});

test("backups.open() makes one backup at a time, and leaves nothing behind", async () => {
  const grid = await place.open();
  await grid.addLarge("a", noise(40_000));
  const first = await grid.backups.open();
  expect(await sentenceOf(grid.backups.open())).toContain("Another backup is being made");
  await first.cancel();
  const second = await grid.backups.open();
  await new Response(second).arrayBuffer();
  const names = await readdir(grid.directory.path);
  expect(names.filter((name) => name.includes("backup"))).toEqual([]);
  await grid.close();
});

test("a backup that is cut by the end of the server lets the server end", async () => {
  const grid = await place.open();
  await grid.addLarge("a", noise(400_000));
  const reader = (await grid.backups.open()).getReader();
  await reader.read();
  await grid.close();
  expect(await sentenceOf(reader.read())).toContain("cut off");
  Bun.gc(true); // A file that was left open is an error then.
  expect(await readdir(grid.directory.path)).not.toContain("backup.db.tmp");
});

test("restore() refuses a backup that was cut anywhere, with the reason, and leaves nothing", async () => {
  const grid = await place.open();
  await grid.addLarge("a", noise(40_000));
  const tar = await grid.backUp();
  await grid.close();
  const ends = [0, 1, 511, 512, 2_000, 100_000, tar.length - 2_048, tar.length - 1_024];
  for (const end of ends) {
    const work = restored(tar.subarray(0, end), "cut");
    expect([end, await sentenceOf(work)]).toEqual([
      end,
      expect.stringContaining("This is no whole backup"),
    ]);
    expect(await readdir(place.folder)).not.toContain("cut");
  }
});

test("restore() refuses a backup with a changed byte, wherever it is", async () => {
  const grid = await place.open();
  await grid.addLarge("a", noise(40_000));
  const tar = await grid.backUp();
  await grid.close();
  const blobAt = tar.length - 40_000;
  for (const at of [10, 600, 5_000, 60_000, blobAt, tar.length - 1_600]) {
    const bad = tar.slice();
    bad[at]! ^= 0x5a;
    const sentence = await sentenceOf(restored(bad, "bad"));
    expect([at, sentence]).toEqual([at, expect.stringContaining("This is no whole backup")]);
    expect(await readdir(place.folder)).not.toContain("bad");
  }
});

test("restore() touches no directory that holds anything", async () => {
  const grid = await place.open();
  const tar = await grid.backUp();
  await grid.close();
  const target = join(place.folder, "used");
  await mkdir(target);
  await writeFile(join(target, "notes.txt"), "a person's");
  const source = join(place.folder, "a.tar");
  await writeFile(source, tar);
  const error = await restore({ source, target }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  expect(error).toMatchObject({ exitCode: 2 });
  expect(await readdir(target)).toEqual(["notes.txt"]);
});

test("restore() fills an empty directory that is there already, and empties it again when it fails", async () => {
  const grid = await place.open();
  const tar = await grid.backUp();
  await grid.close();
  const target = join(place.folder, "restored");
  await mkdir(target, { mode: 0o700 });
  const source = join(place.folder, "bad.tar");
  await writeFile(source, tar.subarray(0, tar.length - 2_000));
  expect(await sentenceOf(restore({ source, target }))).toContain("no whole backup");
  expect(await readdir(target)).toEqual([]);
  await restored(tar);
  expect((await examine({ path: target, isDeep: true })).findings).toEqual([]);
});

test("a backup names the bytes that the server lost, and is restored without them", async () => {
  const grid = await place.open();
  const lost = await grid.addLarge("lost", noise(40_000));
  const changed = await grid.addLarge("changed", noise(40_000));
  await grid.addLarge("sound", noise(40_000));
  const pathOf = (name: string) => join(grid.directory.blobs, name.slice(0, 2), name);
  await unlink(pathOf(lost.payload.name));
  await writeFile(pathOf(changed.payload.name), noise(40_000));
  const tar = await grid.backUp();
  await grid.close();
  const { about, target } = await restored(tar);
  expect(new Set(about.end.damaged)).toEqual(new Set([lost.payload.name, changed.payload.name]));
  const { findings } = await examine({ path: target, isDeep: true });
  expect(findings.map(({ kind, count }) => [kind, count])).toEqual([["blob-missing", 2]]);
});
