import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFile,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { fileSystemByMagic } from "../../src/platform/file-system.ts";
import type { Log, LogFields } from "../../src/platform/log.ts";
import { createSystemRandom } from "../../src/platform/random.ts";
import { StartError } from "../../src/platform/start-error.ts";
import { countStart } from "../../src/wiring/count-start.ts";
import { openDataDirectory } from "../../src/wiring/data-dir.ts";
import type { DataDirectory, DataDirectoryOptions } from "../../src/wiring/data-dir.ts";
import { canTrace, traceDurability } from "../support/durability-trace.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

const holdProgram = join(import.meta.dir, "../support/hold-data-dir.ts");
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

let parent: string;
let path: string;
let warnings: { readonly event: string; readonly fields: LogFields }[];
let opened: DataDirectory[];
let children: Bun.Subprocess[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "grid-data-"));
  path = join(parent, "data");
  warnings = [];
  opened = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => child.exited));
  for (const directory of opened) await directory.close();
  await rm(parent, { recursive: true });
});

const log: Log = {
  info: () => {},
  warn: (event, fields = {}) => {
    warnings.push({ event, fields });
  },
  error: () => {},
};

async function open(options: Partial<DataDirectoryOptions> = {}): Promise<DataDirectory> {
  const directory = await openDataDirectory({
    path,
    clock: createSystemClock(),
    random: createSystemRandom(),
    log,
    ...options,
  });
  opened.push(directory);
  return directory;
}

async function refusal(promise: Promise<unknown>): Promise<StartError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartError);
  return error as StartError;
}

/** Opens, counts a start and closes, as a server does; the database then holds something. */
async function use(): Promise<void> {
  const directory = await open();
  const database = new Database(directory.database);
  database.run("CREATE TABLE IF NOT EXISTS something (x)");
  database.close();
  await directory.writeHighWater({ incarnation: 1, eventSeq: 10 });
  await directory.close();
}

describe("openDataDirectory(), a directory that is made", () => {
  test("openDataDirectory() makes all that is missing, for its owner alone", async () => {
    path = join(parent, "a/b/data");
    const directory = await open();
    expect((await readdir(path)).sort()).toEqual([
      "HOLDER",
      "IDENTITY",
      "blobs",
      "grid.db",
      "lock",
    ]);
    expect(directory.path).toBe(path);
    expect(directory.database).toBe(join(path, "grid.db"));
    expect(directory.blobs).toBe(join(path, "blobs"));
    expect(directory.highWater).toBeNull();
    for (const name of ["../..", "..", ".", "blobs"]) {
      expect((await stat(join(path, name))).mode & 0o777).toBe(0o700);
    }
    for (const name of ["HOLDER", "IDENTITY", "grid.db", "lock"]) {
      expect((await stat(join(path, name))).mode & 0o777).toBe(0o600);
    }
    expect(warnings).toEqual([]);
  });

  test("openDataDirectory() writes an IDENTITY that a person can read, and keeps it", async () => {
    const directory = await open({
      clock: { ...createSystemClock(), now: () => 1_800_000_000_000 },
    });
    const identity = JSON.parse(await readFile(join(path, "IDENTITY"), "utf8"));
    expect(identity).toMatchObject({
      format: 1,
      cluster_id: directory.clusterId,
      created: "2027-01-15T08:00:00.000Z",
    });
    expect(directory.clusterId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    await directory.close();
    expect((await open()).clusterId).toBe(directory.clusterId);
  });

  test.skipIf(!canTrace())(
    "openDataDirectory() makes its directory and each of its files durable before it goes on",
    async () => {
      expect(await traceDurability([process.execPath, holdProgram, path], path)).toEqual([
        "mkdir .",
        "fsync IDENTITY.tmp",
        "rename IDENTITY.tmp IDENTITY",
        "fsync .",
        "mkdir blobs",
        "fsync .",
        "fsync HOLDER.tmp",
        "rename HOLDER.tmp HOLDER",
        "fsync .",
        "fsync HOLDER.tmp", // now with the address
        "rename HOLDER.tmp HOLDER",
        "fsync .",
      ]);
    },
  );

  test("openDataDirectory() takes an empty directory, and a file system of its own", async () => {
    await mkdir(join(path, "lost+found"), { recursive: true, mode: 0o700 });
    expect((await open()).path).toBe(path);
  });

  test("openDataDirectory() goes on where a first start was cut short, after each of its files", async () => {
    await (await open()).close();
    for (const missing of [["grid.db"], ["grid.db", "blobs"], ["grid.db", "blobs", "IDENTITY"]]) {
      for (const name of missing) await rm(join(path, name), { recursive: true, force: true });
      await writeFile(join(path, "IDENTITY.tmp"), '{"for');
      const directory = await open();
      expect((await stat(directory.database)).size).toBe(0);
      await directory.close();
    }
  });

  test("openDataDirectory() takes a directory without a path before it", async () => {
    const child = Bun.spawn([process.execPath, holdProgram, "data"], {
      cwd: parent,
      stdin: new Blob([""]),
      stdout: "pipe",
    });
    children.push(child);
    expect(await new Response(child.stdout).json()).toMatchObject({ held: true });
    expect(await readdir(parent)).toEqual(["data"]);
  });
});

describe("openDataDirectory(), two servers", () => {
  test("openDataDirectory() refuses a second server in the same process, until the first closes", async () => {
    const first = await open();
    const error = await refusal(open());
    expect(error.message).toContain(path);
    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.exitCode).toBe(3);
    // After these failed tries the lock must still be held, by the kernel as well.
    await refusal(open());
    expect(await tryElsewhere()).toMatchObject({ held: false });
    await first.close();
    await first.close();
    expect(await readdir(path)).not.toContain("HOLDER");
    await open();
  });

  test("openDataDirectory() refuses a second process at once, and opens when the first was killed", async () => {
    const holder = await spawnHolder();
    const error = await refusal(open());
    expect(error.message).toContain(path);
    expect(error.message).toContain(`process ${holder.pid}`);
    expect(error.message).toContain("http://127.0.0.1:7171");
    expect(error.message).toContain("data_dir");

    holder.kill("SIGKILL");
    await holder.exited;
    const directory = await open();
    expect(await readFile(join(path, "HOLDER"), "utf8")).toContain(String(process.pid));
    await directory.close();
  });

  test("openDataDirectory() gives the directory free when the process closes it", async () => {
    const holder = await spawnHolder();
    await holder.stdin.end();
    expect(await holder.exited).toBe(0);
    expect(await readdir(path)).not.toContain("HOLDER");
    await open();
  });

  test("openDataDirectory() keeps the lock though nobody refers to what it returned", async () => {
    await spawnHolder("forget");
    await refusal(open());
  });

  test("openDataDirectory() leaves the lock free after a refusal", async () => {
    await use();
    const identity = await readFile(join(path, "IDENTITY"), "utf8");
    await writeFile(join(path, "IDENTITY"), "");
    await refusal(open());
    await writeFile(join(path, "IDENTITY"), identity);
    await open();
  });

  async function tryElsewhere(): Promise<unknown> {
    const child = Bun.spawn([process.execPath, holdProgram, path], {
      stdin: new Blob([""]),
      stdout: "pipe",
    });
    children.push(child);
    return new Response(child.stdout).json();
  }

  async function spawnHolder(how: "keep" | "forget" = "keep") {
    const child = Bun.spawn([process.execPath, holdProgram, path, how], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(child);
    const { value } = await child.stdout.getReader().read();
    expect(JSON.parse(new TextDecoder().decode(value))).toMatchObject({ held: true });
    return child;
  }
});

describe("openDataDirectory(), a directory that is damaged", () => {
  test("openDataDirectory() refuses a directory whose database is gone or empty", async () => {
    await use();
    await truncate(join(path, "grid.db"), 0);
    const empty = await refusal(open());
    expect(empty.message).toContain("grid.db is empty");
    expect(empty.message).toContain("Restore");
    await rm(join(path, "grid.db"));
    expect((await refusal(open())).message).toContain("grid.db is gone");
    expect(await readdir(path)).not.toContain("grid.db");
    await rm(join(path, "HIGH-WATER"));
    expect((await refusal(open())).message).toContain("grid.db is gone");
  });

  test("openDataDirectory() refuses a lost database also when the first start was cut short at its end", async () => {
    const directory = await open();
    const identity = await readFile(join(path, "IDENTITY"), "utf8");
    await directory.writeHighWater({ incarnation: 1, eventSeq: 0 });
    await directory.close();
    await writeFile(join(path, "IDENTITY"), identity); // as it was before the mark was written
    expect((await refusal(open())).message).toContain("is empty");
  });

  test("openDataDirectory() refuses a database without IDENTITY, empty or not", async () => {
    await use();
    await rm(join(path, "IDENTITY"));
    expect((await refusal(open())).message).toContain("no file IDENTITY");
    await truncate(join(path, "grid.db"), 0);
    expect((await refusal(open())).message).toContain("no file IDENTITY");
  });

  test("openDataDirectory() refuses a directory full of something else, and leaves it as it is", async () => {
    await mkdir(path, { mode: 0o700 });
    await writeFile(join(path, "thesis.tex"), "");
    const error = await refusal(open());
    expect(error.message).toContain("thesis.tex");
    expect(error.exitCode).toBe(2);
    expect(await readdir(path)).toEqual(["thesis.tex"]);
  });

  test("openDataDirectory() refuses a directory of another format version", async () => {
    await use();
    const file = join(path, "IDENTITY");
    const identity = await readFile(file, "utf8");
    await writeFile(file, identity.replace('"format": 1', '"format": 2'));
    const error = await refusal(open());
    expect(error.message).toContain("format 2");
    expect(error.message).toContain(path);
  });

  test("openDataDirectory() refuses files that it cannot read, and names them", async () => {
    await use();
    const identity = await readFile(join(path, "IDENTITY"), "utf8");
    const damaged = [
      "",
      "\0\0\0\0",
      "null",
      "[]",
      identity.slice(0, -20),
      identity.replace(/"cluster_id": ".*"/, '"cluster_id": 5'),
      identity.replace("in-use", "broken"),
    ];
    for (const text of damaged) {
      await writeFile(join(path, "IDENTITY"), text);
      expect((await refusal(open())).message).toContain(join(path, "IDENTITY"));
    }
    await writeFile(join(path, "IDENTITY"), identity);
    for (const text of ["", "{}", '{"incarnation": -1, "event_seq": 0}', '{"incarnation": 1}']) {
      await writeFile(join(path, "HIGH-WATER"), text);
      expect((await refusal(open())).message).toContain(join(path, "HIGH-WATER"));
    }
  });

  test("openDataDirectory() refuses a lock that is none", async () => {
    await use();
    await writeFile(join(path, "lock"), "x".repeat(5000));
    const error = await refusal(open());
    expect(error.message).toContain(join(path, "lock"));
    await rm(join(path, "lock"));
    await open();
  });
});

describe("openDataDirectory(), a place that is not fit", () => {
  test("openDataDirectory() refuses a path on which a file stands", async () => {
    await writeFile(path, "");
    for (const taken of [path, join(path, "below")]) {
      const error = await refusal(open({ path: taken }));
      expect(error.message).toContain(taken);
      expect(error.message).toContain("a file stands in its way");
    }
  });

  test("openDataDirectory() refuses a directory that its user cannot write to, and says whose it must be", async () => {
    await mkdir(path, { mode: 0o500 });
    await chmod(parent, 0o755);
    if (isRoot) await chown(path, nobody, nobody);
    expect(await tryAsUser()).toContain(`${path} cannot be changed by the user`);
    expect(await tryAsUser()).toContain("chown");
  });

  test("openDataDirectory() refuses a directory that its user cannot make", async () => {
    await chmod(parent, 0o555);
    expect(await tryAsUser()).toContain(`${path} cannot be made (EACCES)`);
    await chmod(parent, 0o755);
  });

  test.skipIf(!canMount())("openDataDirectory() refuses a full disk", async () => {
    const child = Bun.spawn(onSmallDisk([process.execPath, holdProgram, path], parent, "4k"), {
      stdin: new Blob([""]),
      stdout: "pipe",
    });
    children.push(child);
    const told = (await new Response(child.stdout).json()) as { error: string };
    expect(told.error).toContain(`The disk of the data directory ${path} is full`);
  });

  test.skipIf(!isRoot)(
    "openDataDirectory() refuses files in it that belong to another user",
    async () => {
      await use();
      await chmod(parent, 0o755);
      await chown(path, nobody, nobody);
      expect(await tryAsUser()).toContain("IDENTITY cannot be changed");
    },
  );

  test("openDataDirectory() refuses a directory that everybody may write to, unless forced", async () => {
    await mkdir(path);
    await chmod(path, 0o777);
    const error = await refusal(open());
    expect(error.message).toContain(`chmod 700 ${path}`);
    await open({ force: true });
    expect(warnings.map((warning) => warning.event)).toEqual(["data-dir.open-to-others"]);
    expect((await stat(path)).mode & 0o777).toBe(0o777);
  });

  test("openDataDirectory() warns of a directory that others may enter, and does not change it", async () => {
    for (const mode of [0o750, 0o770, 0o705]) {
      await mkdir(path);
      await chmod(path, mode);
      await (await open()).close();
      expect((await stat(path)).mode & 0o777).toBe(mode);
      await rm(path, { recursive: true });
    }
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({ event: "data-dir.open-to-others", fields: { path } });
  });

  test("openDataDirectory() refuses a network file system, unless forced", async () => {
    for (const magic of [0x6969, 0xff534d42, -0xacb2be, 0xfe534d42, 0x517b, 0x01021997]) {
      const fileSystemOf = async () => fileSystemByMagic(magic);
      const error = await refusal(open({ fileSystemOf }));
      expect(error.message).toContain("network file system");
      await (await open({ fileSystemOf, force: true })).close();
    }
    expect(warnings.map((warning) => warning.fields.name)).toContain("NFS");
  });

  test("openDataDirectory() warns of a disk that lives in memory, and of one it knows nothing about", async () => {
    for (const magic of [0x01021994, 0x65735546]) {
      await (await open({ fileSystemOf: async () => fileSystemByMagic(magic) })).close();
    }
    expect(warnings.map((warning) => warning.fields.kind)).toEqual(["memory", "unknown"]);
  });

  /** What a process is told that may not do everything. */
  async function tryAsUser(): Promise<string> {
    const child = Bun.spawn([process.execPath, holdProgram, path], {
      stdin: new Blob([""]),
      stdout: "pipe",
      ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    });
    children.push(child);
    const told = (await new Response(child.stdout).json()) as { held: boolean; error: string };
    expect(told.held).toBe(false);
    return told.error;
  }
});

describe("countStart()", () => {
  test("countStart() counts starts from 1 and marks each one", async () => {
    const jobs = createMemoryJobStore({ batchSize: 10 });
    for (const expected of [1, 2, 3]) {
      const directory = await open();
      if (expected === 1) await appendFile(directory.database, "a database");
      expect(await countStart(directory, jobs, "power")).toBe(expected);
      await directory.close();
    }
    expect((await open()).highWater).toEqual({ incarnation: 3, eventSeq: 0 });
  });

  test("countStart() refuses a database that has seen fewer starts or fewer events", async () => {
    await use();
    for (const [incarnation, eventSeq] of [
      [0, 10],
      [1, 9],
      [0, 0],
    ] as const) {
      const directory = await open();
      const error = await refusal(
        countStart(directory, databaseAt({ incarnation, eventSeq }), "power"),
      );
      expect(error.message).toContain("went back in time");
      expect(error.message).toContain("start 1 and event 10");
      expect(error.message).toContain(`start ${incarnation} and event ${eventSeq}`);
      expect(error.message).toContain(join(path, "HIGH-WATER"));
      await directory.close();
    }
    expect(
      await countStart(await open(), databaseAt({ incarnation: 1, eventSeq: 10 }), "power"),
    ).toBe(2);
  });

  test("countStart() takes a database of the past once the mark was removed, as its refusal says", async () => {
    await use();
    await rm(join(path, "HIGH-WATER"));
    expect(
      await countStart(await open(), databaseAt({ incarnation: 0, eventSeq: 0 }), "power"),
    ).toBe(1);
    expect(warnings.map((warning) => warning.event)).toContain("data-dir.no-high-water");
  });

  test("countStart() takes a database that a power cut set back when that was the chosen durability", async () => {
    await use();
    const directory = await open();
    await directory.writeHighWater({ incarnation: 5, eventSeq: 50 });
    await directory.close();
    const past = databaseAt({ incarnation: 4, eventSeq: 40 });
    expect(await countStart(await open(), past, "process")).toBe(5);
  });

  test("countStart() refuses the database of another grid", async () => {
    const jobs = createMemoryJobStore({ batchSize: 10 });
    await countStart(await open(), jobs, "power");
    path = join(parent, "other");
    const error = await refusal(countStart(await open(), jobs, "power"));
    expect(error.message).toContain("belongs to grid");
    expect(error.message).toContain(path);
  });

  test("writeHighWater() never lowers a number, whatever the order of its callers", async () => {
    await use();
    const directory = await open();
    await Promise.all([
      directory.writeHighWater({ incarnation: 2, eventSeq: 30 }),
      directory.writeHighWater({ incarnation: 2, eventSeq: 20 }),
      directory.writeHighWater({ incarnation: 1, eventSeq: 25 }),
    ]);
    await directory.close();
    expect((await open()).highWater).toEqual({ incarnation: 2, eventSeq: 30 });
    expect((await readdir(path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("openDataDirectory() opens a copy of a directory that was closed", async () => {
    await use();
    const copy = join(parent, "copy");
    await cp(path, copy, { recursive: true });
    const directory = await open({ path: copy });
    expect(directory.highWater).toEqual({ incarnation: 1, eventSeq: 10 });
  });

  function databaseAt(at: { readonly incarnation: number; readonly eventSeq: number }) {
    const settings = new Map([["incarnation", String(at.incarnation)]]);
    return {
      setting: async (name: string) => settings.get(name) ?? null,
      setSetting: async (name: string, value: string) => void settings.set(name, value),
      lastEventSeq: async () => at.eventSeq,
    };
  }
});
