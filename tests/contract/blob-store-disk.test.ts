import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskBlobStore } from "../../src/blobs/disk/disk-blob-store.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { canTrace, traceDurability } from "../support/durability-trace.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";
import { describeBlobStore, inChunks, pattern, readAll } from "./blob-store.ts";

const random = createSystemRandom();
const isLinux = process.platform === "linux";
const roomy = 1024 * 1024 * 1024;
const memoryProgram = join(import.meta.dir, "../support/blob-memory.ts");
const fullDiskProgram = join(import.meta.dir, "../support/blob-full-disk.ts");

describeBlobStore("disk", async () => {
  const directory = await mkdtemp(join(tmpdir(), "grid-blobs-"));
  const blobs = await openDiskBlobStore({ directory, random });
  return {
    blobs,
    leftovers: () => filesBelow(directory),
    close: async () => {
      await blobs.close();
      await rm(directory, { recursive: true });
    },
  };
});

describe("disk blob store, its files", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "grid-blobs-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const open = () => openDiskBlobStore({ directory: join(directory, "blobs"), random });
  const pathOf = (name: string) => join(directory, "blobs", name.slice(0, 2), name);

  test("put() makes a file named by hash and chance, below the first two digits of its name [GL-79]", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(10), 3), roomy);
    expect(ref.name).toMatch(new RegExp(`^${ref.sha256}\\.[0-9a-f]{16}$`));
    expect(await filesBelow(directory)).toEqual([join("blobs", ref.name.slice(0, 2), ref.name)]);
  });

  test("put() makes files that their owner alone can read, in directories nobody else may enter", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(10), 3), roomy);
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
    expect(await modeOf(pathOf(ref.name))).toBe(0o600);
    expect(await modeOf(join(directory, "blobs"))).toBe(0o700);
    expect(await modeOf(join(directory, "blobs/tmp"))).toBe(0o700);
    expect(await modeOf(join(directory, "blobs", ref.name.slice(0, 2)))).toBe(0o700);
  });

  test("openDiskBlobStore() finds what an earlier one stored", async () => {
    const ref = await (await open()).put(inChunks(pattern(70_000), 500), roomy);
    const blobs = await open();
    expect(await readAll(await blobs.open(ref))).toEqual(pattern(70_000));
    expect(await blobs.list(null, 10)).toHaveLength(1);
  });

  test("openDiskBlobStore() clears away what a crash left half written, and nothing else", async () => {
    await mkdir(join(directory, "blobs/tmp"), { recursive: true });
    await writeFile(join(directory, "blobs/tmp", "ab".repeat(16)), "half");
    await writeFile(join(directory, "blobs/tmp", "notes.txt"), "a person's");
    await open();
    expect(await filesBelow(directory)).toEqual([join("blobs", "tmp", "notes.txt")]);
  });

  test("open() answers null for a file that was truncated or has grown", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(1000), 1000), roomy);
    await truncate(pathOf(ref.name), 999);
    expect(await blobs.open(ref)).toBeNull();
    await appendFile(pathOf(ref.name), "xx");
    expect(await blobs.open(ref)).toBeNull();
  });

  test("open() fails the stream when the file shrinks while it is read", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(600_000), 100_000), roomy);
    const reader = (await blobs.open(ref))!.getReader();
    await reader.read();
    await truncate(pathOf(ref.name), 1000);
    const error = await reader.read().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toContain("damaged");
  });

  test("list() passes over files that are none of ours", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(10), 3), roomy);
    const shard = join(directory, "blobs", ref.name.slice(0, 2));
    await writeFile(join(shard, "README"), "");
    await writeFile(join(shard, `${ref.name}.bak`), "");
    await mkdir(join(directory, "blobs/lost+found"));
    await writeFile(join(directory, "blobs/lost+found", ref.name), "");
    expect((await blobs.list(null, 10)).map((blob) => blob.name)).toEqual([ref.name]);
  });

  test("put() makes a shard anew that was removed while it was empty", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(10), 3), roomy);
    await rm(join(directory, "blobs", ref.name.slice(0, 2)), { recursive: true });
    const again = () => blobs.put(inChunks(pattern(10), 3), roomy);
    await again().catch(() => null);
    expect(await readAll(await blobs.open(await again()))).toEqual(pattern(10));
  });

  test.skipIf(!isLinux)("open() and put() close every file they open", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(900_000), 100_000), roomy);
    const openCount = async () => (await openFilesBelow(directory)).length;
    const halfway = (await blobs.open(ref))!.getReader();
    await halfway.read();
    expect(await openCount()).toBe(1);
    await halfway.cancel();
    await (await blobs.open(ref))!.cancel();
    await readAll(await blobs.open(ref));
    await readAll(await blobs.open(ref, { start: 5, length: 0 }));
    await blobs.put(inChunks(pattern(900_000), 100_000), 10).catch(() => null);
    expect(await openCount()).toBe(0);
  });

  test.skipIf(!isLinux)("open() closes the files of streams that nobody reads", async () => {
    const blobs = await open();
    const ref = await blobs.put(inChunks(pattern(900_000), 100_000), roomy);
    for (let count = 0; count < 50; count += 1) await blobs.open(ref);
    let openCount = 50;
    for (let round = 0; round < 200 && openCount > 25; round += 1) {
      Bun.gc(true);
      await new Promise((resolve) => setImmediate(resolve));
      openCount = (await openFilesBelow(directory)).length;
    }
    expect(openCount).toBeLessThanOrEqual(25); // the collector may take a reference for alive that is none
  });

  test("close() ends uploads under way, and leaves nothing of them", async () => {
    const blobs = await open();
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    async function* stalling() {
      yield pattern(300_000);
      begun.resolve();
      await released.promise;
      yield pattern(300_000);
    }
    const upload = blobs.put(stalling(), roomy).then(
      () => "kept",
      () => "failed",
    );
    await begun.promise;
    await blobs.close();
    expect(await filesBelow(directory)).toEqual([]);
    released.resolve();
    expect(await upload).toBe("failed");
    expect(await filesBelow(directory)).toEqual([]);
    await blobs.close();
  });

  test("put() and open() carry 256 MiB in a memory that does not grow with them [GL-34]", async () => {
    const run = Bun.spawn([process.execPath, memoryProgram, join(directory, "blobs"), "256"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const told = (await new Response(run.stdout).json()) as { read: number };
    expect(await run.exited).toBe(0);
    expect(told.read).toBe(256 * 1024 * 1024);
    expect(run.resourceUsage()!.maxRSS).toBeLessThan(160 * 1024 * 1024);
  }, 60_000);

  test.skipIf(!canTrace())(
    "put() syncs the bytes before they get their name, and each new name before it answers",
    async () => {
      const program = [process.execPath, memoryProgram, join(directory, "blobs"), "1"];
      const calls = await traceDurability(program, join(directory, "blobs"));
      expect(calls.slice(calls.indexOf("fdatasync tmp/file"))).toEqual([
        "fdatasync tmp/file",
        "mkdir shard",
        "fsync .",
        "rename tmp/file shard/file",
        "fsync shard",
      ]);
    },
  );

  test.skipIf(!canMount())(
    "put() tells of a full disk as disk-low, and leaves nothing on it",
    async () => {
      const program = [process.execPath, fullDiskProgram, directory];
      const run = Bun.spawn(onSmallDisk(program, directory, "1m"), {
        stdout: "pipe",
        stderr: "inherit",
      });
      expect(await new Response(run.stdout).json()).toEqual({
        code: "disk-low",
        isPathTold: false,
        left: [],
        sizeAfterwards: 100_000,
      });
      expect(await run.exited).toBe(0);
    },
  );
});

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

async function openFilesBelow(directory: string): Promise<readonly string[]> {
  const descriptors = await readdir("/proc/self/fd");
  const targets = await Promise.all(
    descriptors.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => "")),
  );
  return targets.filter((target) => target.startsWith(directory));
}
