// The examination of the data directory of a stopped server, with one thing after another put wrong in it. [R-16 in small]

import { afterEach, beforeEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  rm,
  stat,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../../src/platform/start-error.ts";
import { examine } from "../../src/wiring/examine.ts";
import { aNewJob, smallContent } from "../support/builders.ts";
import { createGridPlace, type GridPlace } from "../support/grid-place.ts";
import { addJob } from "../support/store-steps.ts";

let place: GridPlace;
beforeEach(async () => {
  place = await createGridPlace();
});
afterEach(() => place.remove());

const noise = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const pathOf = (name: string) => join(place.path, "blobs", name.slice(0, 2), name);

/** A stopped server with a large and a small payload; answers with the name of the large one. */
async function aStoppedServer(): Promise<string> {
  const grid = await place.open();
  const { payload } = await grid.addLarge("big-one", noise(40_000));
  await addJob(grid.jobs, aNewJob({ key: "small-one", payload: smallContent("little") }));
  await grid.close();
  return payload.name;
}

async function kindsFound(isDeep = false): Promise<readonly string[]> {
  const { findings } = await examine({ path: place.path, isDeep });
  return findings.map(({ kind, count }) => `${kind} ${count}`);
}

test("examine() finds nothing wrong with a server that was stopped, and changes nothing", async () => {
  await aStoppedServer();
  const before = (await readdir(place.path, { recursive: true })).sort();
  const found = await examine({ path: place.path, isDeep: true });
  expect(found.findings).toEqual([]);
  expect(found.looked).toEqual({ blobCount: 2, byteCount: 40_006 });
  expect((await readdir(place.path, { recursive: true })).sort()).toEqual(before);
});

test("examine() refuses while a server runs, and where there is none", async () => {
  const grid = await place.open();
  const refusal = async (path: string) => {
    const error = await examine({ path, isDeep: false }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartError);
    return error instanceof StartError ? [error.exitCode, error.message] : [];
  };
  expect(await refusal(place.path)).toEqual([
    3,
    expect.stringContaining("in use by another server"),
  ]);
  await grid.close();
  expect(await refusal(join(place.folder, "nowhere"))).toEqual([
    3,
    expect.stringContaining("There is no data directory"),
  ]);
  await mkdir(join(place.folder, "other"));
  expect(await refusal(join(place.folder, "other"))).toEqual([
    3,
    expect.stringContaining("is no data directory"),
  ]);
});

test("examine() sees what a killed server committed, though it lies in the log alone", async () => {
  const grid = await place.open();
  await grid.addLarge("big-one", noise(40_000));
  const killed = join(place.folder, "killed");
  await cp(place.path, killed, { recursive: true });
  await grid.close();
  await rm(place.path, { recursive: true });
  await cp(killed, place.path, { recursive: true });
  await rm(join(place.path, "lock"), { force: true });
  const found = await examine({ path: place.path, isDeep: true });
  expect(found.looked.blobCount).toBe(1);
  expect(found.findings).toEqual([]);
  expect(await readdir(place.path)).not.toContain("grid.db-shm");
});

test("examine() names bytes that are gone or changed, with the job that needs them", async () => {
  const name = await aStoppedServer();
  await writeFile(pathOf(name), noise(40_000));
  expect(await kindsFound()).toEqual([]); // Only reading shows it.
  expect(await kindsFound(true)).toEqual(["blob-damaged 1"]);
  await truncate(pathOf(name), 39_999);
  expect(await kindsFound()).toEqual(["blob-damaged 1"]);
  await unlink(pathOf(name));
  const { findings } = await examine({ path: place.path, isDeep: false });
  expect(findings).toMatchObject([{ kind: "blob-missing", severity: "damage", count: 1 }]);
  expect(findings[0]?.examples[0]).toContain("used by big-one");
});

test("examine() reads the bytes in the database when it is to look deep", async () => {
  await aStoppedServer();
  const db = new Database(join(place.path, "grid.db"));
  db.run("UPDATE blob SET bytes = x'6c6974746c66' WHERE name IS NULL");
  db.close(true);
  expect(await kindsFound()).toEqual([]);
  const { findings } = await examine({ path: place.path, isDeep: true });
  expect(findings).toMatchObject([{ kind: "blob-damaged", count: 1 }]);
  expect(findings[0]?.examples[0]).toContain("used by small-one");
});

test("examine() tells remains of a crash, which do no harm", async () => {
  const name = await aStoppedServer();
  const orphan = `${name.slice(0, 64)}.${"0".repeat(16)}`;
  await copyFile(pathOf(name), pathOf(orphan));
  await mkdir(join(place.path, "blobs/tmp"), { recursive: true });
  await writeFile(join(place.path, "blobs/tmp", "ab".repeat(16)), "half");
  await writeFile(join(place.path, "backup.db.tmp"), "half");
  await mkdir(join(place.path, "uploads"), { recursive: true });
  await writeFile(join(place.path, "uploads", "some-part.5-10"), "12345");
  await chmod(join(place.path, "uploads"), 0o700);
  await chmod(join(place.path, "backup.db.tmp"), 0o600);
  expect(await kindsFound()).toEqual(["orphan 1", "unfinished 2", "partial 1"]);
});

test("examine() finds a database that is gone, empty, foreign or damaged", async () => {
  await aStoppedServer();
  const file = join(place.path, "grid.db");
  const kept = join(place.folder, "kept.db");
  await copyFile(file, kept);
  await rm(join(place.path, "grid.db-wal"), { force: true });
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["database-lost 1", () => unlink(file)],
    ["database-lost 1", () => writeFile(file, "")],
    ["database-damaged 1", () => writeFile(file, noise(8_192))],
    ["database-damaged 1", async () => truncate(file, (await stat(kept)).size - 20_000)],
    [
      "database-foreign 1",
      async () => {
        await unlink(file);
        new Database(file).run("CREATE TABLE other (x)");
      },
    ],
    [
      "database-foreign 1",
      async () => {
        const db = new Database(file);
        db.run("PRAGMA user_version = 99");
        db.close(true);
      },
    ],
  ];
  for (const [expected, damage] of cases) {
    await copyFile(kept, file);
    await damage();
    await chmod(file, 0o600).catch(() => {});
    const kinds = (await kindsFound()).map((kind) => kind.replace(/\d+$/, "1"));
    expect(kinds[0]).toBe(expected);
  }
});

test("examine() finds a database that went back, and one of another grid", async () => {
  await aStoppedServer();
  const kept = join(place.folder, "kept.db");
  await copyFile(join(place.path, "grid.db"), kept);
  const grid = await place.open();
  await addJob(grid.jobs, aNewJob());
  await grid.close();
  await copyFile(kept, join(place.path, "grid.db"));
  expect(await kindsFound()).toEqual(["went-back 1"]);
  await unlink(join(place.path, "HIGH-WATER"));
  expect(await kindsFound()).toEqual(["mark-missing 1"]);

  const other = join(place.folder, "other");
  await (await place.open(other)).close();
  await copyFile(join(other, "grid.db"), join(place.path, "grid.db"));
  expect(await kindsFound()).toContain("database-foreign 1");
});

test("examine() finds files that are lost, damaged, open to others or strange", async () => {
  await aStoppedServer();
  await writeFile(join(place.path, "IDENTITY"), "{");
  await chmod(join(place.path, "IDENTITY"), 0o600);
  expect(await kindsFound()).toEqual(["identity-damaged 1"]);
  await unlink(join(place.path, "IDENTITY"));
  expect(await kindsFound()).toEqual(["identity-missing 1"]);
  await writeFile(join(place.path, "notes.txt"), "a person's");
  await chmod(join(place.path, "grid.db"), 0o644);
  expect(await kindsFound()).toEqual(["identity-missing 1", "open-to-others 1", "stranger 1"]);
});
