import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskPartStore } from "../../src/blobs/disk/disk-part-store.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { canTrace, traceDurability } from "../support/durability-trace.ts";
import { append, describePartStore, textOf } from "./part-store.ts";

const traceProgram = join(import.meta.dir, "../support/part-trace.ts");

describePartStore("disk", async (clock) => {
  const directory = await mkdtemp(join(tmpdir(), "grid-parts-"));
  const parts = await openDiskPartStore({ directory, clock, onBroken: () => {} });
  return {
    parts,
    async close() {
      await parts.close();
      await rm(directory, { recursive: true });
    },
  };
});

describe("disk part store, its files", () => {
  let folder: string;
  let directory: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "grid-parts-"));
    directory = join(folder, "uploads");
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = () =>
    openDiskPartStore({ directory, clock: createSystemClock(), onBroken: () => {} });

  test("what was kept is there when the store opens again; what was only written is not", async () => {
    const parts = await open();
    await append(parts, "a.1", { text: "0123", total: 8 });
    const cut = await parts.append("a.1", { size: 4, total: 8 });
    await cut.write(new TextEncoder().encode("########"));
    const again = await open();
    expect(again.find("a.1")).toMatchObject({ size: 4, total: 8 });
    await append(again, "a.1", { text: "4567", size: 4, total: 8 });
    expect(await textOf(again, "a.1")).toBe("01234567");
    expect((await stat(join(directory, "a.1.8-8"))).size).toBe(8);
    await parts.close();
  });

  test("the name of a file says what counts in it, and its owner alone can read it", async () => {
    const parts = await open();
    await append(parts, "a.1", { text: "0123", total: 8 });
    expect(await readdir(directory)).toEqual(["a.1.4-8"]);
    expect((await stat(join(directory, "a.1.4-8"))).mode & 0o777).toBe(0o600);
    await parts.delete("a.1");
    const dropped = await parts.append("b.1", { size: 0, total: 8 });
    await dropped.drop();
    expect(await readdir(directory)).toEqual([]);
  });

  test("a damaged file is taken away, and a foreign one stays", async () => {
    await mkdir(directory);
    await writeFile(join(directory, "a.1.4-8"), "012");
    await writeFile(join(directory, "notes.txt"), "mine");
    const parts = await open();
    expect([parts.find("a.1"), parts.count()]).toEqual([null, 0]);
    expect(await readdir(directory)).toEqual(["notes.txt"]);
  });

  test("of two files of one upload the newer one counts", async () => {
    await mkdir(directory);
    for (const [name, at] of [
      ["a.1.4-8", 1_000],
      ["a.1.2-9", 2_000],
      ["b.1.2-9", 2_000],
      ["b.1.4-8", 1_000],
    ] as const) {
      await appendFile(join(directory, name), "0123");
      await utimes(join(directory, name), at, at);
    }
    const parts = await open();
    expect([parts.find("a.1")?.size, parts.find("b.1")?.size]).toEqual([2, 2]);
    expect((await readdir(directory)).toSorted()).toEqual(["a.1.2-9", "b.1.2-9"]);
  });

  test.skipIf(!canTrace())(
    "keep() has the bytes on the disk before the file bears their size, and the name as well",
    async () => {
      const calls = await traceDurability([process.execPath, traceProgram, directory], directory);
      expect(calls.filter((call) => !call.startsWith("mkdir"))).toEqual([
        "fdatasync a.1.0-6",
        "rename a.1.0-6 a.1.3-6",
        "fsync .",
        "fdatasync a.1.3-6",
        "rename a.1.3-6 a.1.6-6",
        "fsync .",
      ]);
    },
  );
});
