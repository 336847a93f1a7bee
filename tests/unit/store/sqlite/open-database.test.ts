import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { JobStore } from "../../../../src/store/job-store.ts";
import { SCHEMA_1 } from "../../../../src/store/sqlite/schema-1.ts";
import { openDatabase } from "../../../../src/store/sqlite/open-database.ts";
import { now } from "../../../support/a-job.ts";
import { aNewJob } from "../../../support/builders.ts";
import { createSqlitePlace, type SqlitePlace } from "../../../support/sqlite-store.ts";
import { addJob, claimBy, putStep } from "../../../support/store-steps.ts";

let place: SqlitePlace;
beforeEach(() => {
  place = createSqlitePlace();
});
afterEach(() => place.remove());

/** Changes the file behind the store's back. */
function tamper(sql: string): void {
  const db = new Database(place.file);
  db.run(sql);
  db.close(true);
}

async function fill(jobs: JobStore, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await addJob(jobs, aNewJob());
  await putStep(jobs, 1, claimBy("w"));
}

describe("opening a database", () => {
  test("openDatabase() sets the engine to keep what it promises", () => {
    const settings = (durability: "power" | "process") => {
      const db = openDatabase(place.file, durability, (opened) => opened);
      const names = [
        "journal_mode",
        "synchronous",
        "foreign_keys",
        "trusted_schema",
        "locking_mode",
      ];
      const values = [...names, "cell_size_check", "user_version"].map(
        (name) => Object.values(db.query(`PRAGMA ${name}`).get() as object)[0] as unknown,
      );
      db.close(true);
      return values;
    };
    expect(settings("power")).toEqual(["wal", 2, 1, 0, "exclusive", 1, 2]);
    expect(settings("process")).toEqual(["wal", 1, 1, 0, "exclusive", 1, 2]);
  });

  test("openDatabase() refuses a newer version, and names both versions and the remedy", async () => {
    await place.open().close();
    tamper("PRAGMA user_version = 7");
    expect(() => place.open()).toThrow(/version 7; .* up to 2\. Use the newer program/);
    tamper("PRAGMA user_version = 2");
    await place.open().close();
  });

  test("openDatabase() brings a database of the first version to the newest, and loses nothing", async () => {
    const jobs = place.open();
    await fill(jobs, 3);
    const before = await jobs.events(0, 100);
    await jobs.close();
    // What the second version changed, undone: the table as the first one made it.
    const [table = ""] = /CREATE TABLE event [^;]*;/.exec(SCHEMA_1) ?? [];
    tamper(`CREATE TABLE kept AS SELECT * FROM event; DROP TABLE event; ${table}
      INSERT INTO event SELECT * FROM kept; DROP TABLE kept; CREATE INDEX event_job ON event (job);
      CREATE INDEX event_deleted_worker ON event (worker) WHERE change = 14 AND worker IS NOT NULL;
      PRAGMA user_version = 1`);
    const upgraded = place.open();
    expect(await upgraded.events(0, 100)).toEqual(before);
    await putStep(upgraded, 1, {
      do: "lose",
      at: now,
      attempt: 1,
      charged: true,
      elsewhere: true,
      info: "",
    });
    await putStep(upgraded, 1, { do: "reopen", at: now, attempt: 1 });
    expect((await upgraded.history(1)).at(-1)?.change).toBe("reopened");
    await upgraded.close();
  });

  test("openDatabase() refuses a database of another program and leaves it alone", () => {
    tamper("CREATE TABLE theirs (a)");
    expect(() => place.open()).toThrow(/another program/);
    tamper("DROP TABLE theirs");
  });

  test("openDatabase() refuses a file that is no database", () => {
    writeFileSync(place.file, "This is a letter to my grandmother. ".repeat(200));
    expect(() => place.open()).toThrow(/is damaged/);
    expect(readFileSync(place.file, "utf8")).toStartWith("This is a letter");
  });

  test("a database that was not closed is checked, and opened when it is sound", async () => {
    const jobs = place.open();
    await fill(jobs, 50);
    const copy = createSqlitePlace();
    for (const suffix of ["", "-wal"]) {
      copyFileSync(`${place.file}${suffix}`, `${copy.file}${suffix}`);
    }
    const again = copy.open();
    expect(await again.counts()).toEqual(await jobs.counts());
    await again.close();
    await jobs.close();
    copy.remove();
  });

  test("a database that was not closed is refused when it is damaged", async () => {
    const jobs = place.open();
    await fill(jobs, 300);
    await jobs.close();
    tamper("UPDATE counter SET is_open = 1");
    const bytes = readFileSync(place.file);
    bytes.fill(0xff, 4096 * 20, 4096 * 24);
    writeFileSync(place.file, bytes);
    expect(() => place.open()).toThrow(/is damaged: .* restore a backup/s);
  });

  test("close() leaves one file, marked as closed: the log is copied into it", async () => {
    const jobs = place.open();
    await fill(jobs, 10);
    expect(existsSync(`${place.file}-wal`)).toBe(true);
    await jobs.close();
    expect(existsSync(`${place.file}-wal`)).toBe(false);
    const db = new Database(place.file, { readonly: true });
    expect(db.query("SELECT is_open FROM counter").get()).toEqual({ is_open: 0 });
    db.close(true);
  });
});

describe("facts that the database itself holds", () => {
  const broken: readonly (readonly [string, string])[] = [
    ["a state is one of five", "UPDATE job_state SET state = 5"],
    ["a penalty is not negative", "UPDATE job_state SET penalty = -1"],
    ["failures are not negative", "UPDATE job_state SET failures = -1"],
    ["a running job is not queued", "UPDATE job_state SET queued = 1 WHERE state = 1"],
    ["a running job is not held", "UPDATE job_state SET held = 1 WHERE state = 1"],
    ["a running job does not wait", "UPDATE job_state SET ready_at = 5 WHERE state = 1"],
    ["a held job is not queued", "UPDATE job_state SET held = 1 WHERE queued = 1"],
    ["a running job has an attempt", "UPDATE job_state SET attempt = 0 WHERE state = 1"],
    [
      "a running attempt is newer than a retry",
      "UPDATE job_state SET retried_after = 1 WHERE state = 1",
    ],
    ["an attempt counts from 1", "UPDATE attempt SET n = 0"],
    ["a hash has 32 bytes", "UPDATE blob SET sha256 = x'00'"],
    ["bytes are inline or named, not both", "UPDATE blob SET name = 'file'"],
    ["bytes are inline or named, not neither", "UPDATE blob SET bytes = NULL"],
    ["inline bytes have their size", "UPDATE blob SET size = size + 1"],
    ["an id has 16 bytes", "UPDATE job SET id = x'00' WHERE seq = 1"],
    ["a key is one job's", "UPDATE job SET key = 'same'"],
    ["a payload stands", "UPDATE job SET payload = 99"],
    ["a payload that is used stays", "DELETE FROM blob"],
    ["a job has its state as long as it stands", "DELETE FROM job"],
    ["a type that is used stays", "DELETE FROM type"],
    ["a number is a number", "UPDATE job_state SET failures = 'many'"],
    ["there is one row of counters", "INSERT INTO counter VALUES (2, 0, 0, 0, 0, 0)"],
  ];

  test("every CHECK and reference refuses what breaks it", async () => {
    const jobs = place.open();
    await fill(jobs, 3);
    await jobs.close();
    const db = openDatabase(place.file, "process", (opened) => opened);
    for (const [fact, sql] of broken) {
      expect(() => db.run(sql), fact).toThrow(/constraint|cannot store/);
    }
    db.close(true);
  });
});
