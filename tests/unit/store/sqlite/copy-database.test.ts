import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { openStoredCopy } from "../../../../src/store/sqlite/stored-copy.ts";
import type { SqliteJobStore } from "../../../../src/store/sqlite/sqlite-job-store.ts";
import { aNewJob, smallContent } from "../../../support/builders.ts";
import { createSqlitePlace, type SqlitePlace } from "../../../support/sqlite-store.ts";
import { addJob } from "../../../support/store-steps.ts";

let place: SqlitePlace;
let jobs: SqliteJobStore;
beforeEach(() => {
  place = createSqlitePlace();
  jobs = place.open() as SqliteJobStore;
});
afterEach(async () => {
  await jobs.close();
  place.remove();
});

const fill = async (count: number) => {
  const payload = smallContent("p".repeat(20_000));
  await jobs.add(Array.from({ length: count }, () => aNewJob({ payload })));
};

/** How far the copy has come, if it is sound. */
function lastEventOf(pieces: readonly Uint8Array[]): number {
  const file = `${place.file}.copy`;
  writeFileSync(file, Buffer.concat(pieces));
  const copy = openStoredCopy(file);
  try {
    expect([copy.kind, copy.check("thorough")]).toEqual(["ours", []]);
    return copy.facts().eventSeq;
  } finally {
    copy.close();
    rmSync(file);
  }
}

test("copyOut() hands on the state of its first piece, whatever is written until the last", async () => {
  await fill(200);
  const pieces: Uint8Array[] = [];
  for await (const piece of jobs.copyOut()) {
    pieces.push(piece);
    await fill(50);
  }
  expect(pieces.length).toBeGreaterThan(2);
  expect(lastEventOf(pieces)).toBe(200);
  expect(await jobs.lastEventSeq()).toBe(200 + 50 * pieces.length);
});

test("copyOut() lets the log be copied again when it has ended, also when it was broken off", async () => {
  await fill(100);
  for await (const _ of jobs.copyOut()) break;
  // Far more than the log may grow to: it was copied into the file meanwhile.
  for (let n = 0; n < 10; n += 1) await fill(100);
  expect(statSync(`${place.file}-wal`).size).toBeLessThan(20 * 1024 * 1024);
  const pieces: Uint8Array[] = [];
  for await (const piece of jobs.copyOut()) pieces.push(piece);
  expect(lastEventOf(pieces)).toBe(1_100);
});

test("copyOut() makes one copy at a time, and none of a closed store", async () => {
  await fill(100);
  const first = jobs.copyOut();
  await first.next();
  const refusal = (work: Promise<unknown>) => work.catch((error: Error) => error.message);
  expect(await refusal(jobs.copyOut().next())).toContain("is being copied already");
  await jobs.close();
  expect(await refusal(first.next())).toContain("closed");
  expect(await refusal(jobs.copyOut().next())).toContain("closed");
});

test("copyOut() keeps the database locked against other programs", async () => {
  await addJob(jobs, aNewJob());
  for await (const _ of jobs.copyOut());
  const program = `
    const { Database } = require("bun:sqlite");
    try { new Database(process.argv[1]).query("SELECT * FROM counter").all(); console.log("read"); }
    catch (error) { console.log(error.code); }`;
  const child = Bun.spawn([process.execPath, "-e", program, place.file], { stdout: "pipe" });
  expect((await child.stdout.text()).trim()).toStartWith("SQLITE_BUSY");
});
