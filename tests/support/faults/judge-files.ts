// What the server left on the disk, read without the server: its database and the files of its large bytes.
// Runs after the last stop.

import { Database } from "bun:sqlite";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { changeNumbers, statusNumbers } from "../../../src/store/sqlite/job-row.ts";
import type { ChangeName } from "../../../src/domain/event.ts";
import type { Status } from "../../../src/domain/job.ts";
import { sha256Of } from "./bytes.ts";
import type { Findings } from "./findings.ts";
import { findDirectory } from "./victim.ts";

export type FileFigures = {
  /** Files that no row refers to: the price of a crash, not a loss. */
  readonly orphanCount: number;
  readonly blobCount: number;
  readonly eventCount: number;
  /** Jobs that were given out more than once. */
  readonly claimedAgainCount: number;
};

export async function judgeFiles(dataDir: string, findings: Findings): Promise<FileFigures> {
  const db = new Database(join(dataDir, "grid.db"), { readonly: true });
  try {
    judgeSoundness(db, findings);
    judgeCompletions(db, findings);
    const eventCount = judgeCourses(db, findings);
    judgeInlineBytes(db, findings);
    const blobs = await judgeBlobFiles(db, dataDir, findings);
    const claimedAgainCount = numberOf(db, "SELECT count(*) AS n FROM job_state WHERE attempt > 1");
    return { ...blobs, eventCount, claimedAgainCount };
  } finally {
    db.close();
  }
}

function judgeSoundness(db: Database, findings: Findings): void {
  for (const pragma of ["quick_check", "integrity_check"]) {
    const found = db.query<Record<string, string>, []>(`PRAGMA ${pragma}(5)`).all();
    const text = found.map((row) => Object.values(row).join(" ")).join("; ");
    if (text !== "ok") findings.note("L10", `${pragma}: ${text}`);
  }
  const broken = db.query("PRAGMA foreign_key_check").all().length;
  if (broken > 0) findings.note("L10", `${broken} references lead nowhere`);
}

/** One completion in the life of a done job, none in that of any other; and a result only for the done. */
function judgeCompletions(db: Database, findings: Findings): void {
  const rows = db
    .query<{ seq: number; state: number; completions: number; results: number }, []>(
      `SELECT s.seq, s.state,
         (SELECT count(*) FROM event e WHERE e.job = s.seq AND e.change = ${changeNumbers.completed}) AS completions,
         (SELECT count(*) FROM result r WHERE r.seq = s.seq) AS results
       FROM job_state s`,
    )
    .all();
  for (const { seq, state, completions, results } of rows) {
    const expected = state === statusNumbers.done ? 1 : 0;
    if (completions !== expected || results !== expected) {
      const found = `${completions} completions and ${results} results`;
      findings.note("L4", `job ${seq} in state ${state} has ${found}`);
    }
  }
}

const active: readonly Status[] = ["pending", "running"];

/** From which statuses each change may come. A late result completes a pending job as well. */
const allowedFrom: Partial<Record<ChangeName, readonly Status[]>> = {
  claimed: ["pending"],
  completed: active,
  failed: ["running"],
  timed_out: ["running"],
  lost: ["running"],
  not_delivered: ["running"],
  released: ["running"],
  reopened: ["pending"],
  cancelled: active,
  retried: ["failed", "cancelled"],
  expired: ["pending"],
  damaged: active,
};

type EventRow = { seq: number; job: number; change: number; state: number; attempt: number | null };

/** L7: each job's events in the order of their numbers. Answers with how many there are. */
function judgeCourses(db: Database, findings: Findings): number {
  const deleted = changeNumbers.deleted;
  const rows = db
    .query<EventRow, []>(
      `SELECT seq, job, change, state, attempt FROM event WHERE change <> ${deleted} ORDER BY job, seq`,
    )
    .all();
  let job = -1;
  let status: Status = "pending";
  let attempts = 0;
  for (const row of rows) {
    const change = nameOf(changeNumbers, row.change);
    const isFirst = row.job !== job;
    if (isFirst) [job, attempts] = [row.job, 0];
    const isAllowed = isFirst
      ? change === "submitted"
      : (allowedFrom[change]?.includes(status) ?? false);
    if (!isAllowed) findings.note("L7", `job ${job}: ${isFirst ? "first" : status} then ${change}`);
    if (change === "claimed") {
      attempts += 1;
      if (row.attempt !== attempts)
        findings.note("L7", `job ${job}: attempt ${row.attempt} is no. ${attempts}`);
    }
    status = nameOf(statusNumbers, row.state);
  }
  const ahead = numberOf(
    db,
    "SELECT (SELECT coalesce(max(seq), 0) FROM event) - (SELECT event FROM counter) AS n",
  );
  if (ahead > 0) findings.note("L7", `events are numbered ${ahead} beyond their counter`);
  const notLast = numberOf(
    db,
    "SELECT count(*) AS n FROM job_state s WHERE s.event <> (SELECT max(seq) FROM event WHERE job = s.seq)",
  );
  if (notLast > 0)
    findings.note("L7", `${notLast} jobs do not stand where their last event left them`);
  return rows.length;
}

function judgeInlineBytes(db: Database, findings: Findings): void {
  const rows = db.query<{ id: number; sha256: Uint8Array; bytes: Uint8Array }, []>(
    "SELECT id, sha256, bytes FROM blob WHERE bytes IS NOT NULL",
  );
  for (const { id, sha256, bytes } of rows.iterate()) {
    if (sha256Of(bytes) !== sha256.toHex()) findings.note("L9", `blob ${id} does not fit its hash`);
  }
  const unused = numberOf(
    db,
    `SELECT count(*) AS n FROM blob b WHERE NOT EXISTS (SELECT 1 FROM job WHERE payload = b.id)
       AND NOT EXISTS (SELECT 1 FROM result WHERE blob = b.id)`,
  );
  if (unused > 0) findings.note("L9", `${unused} rows of bytes belong to nothing`);
}

async function judgeBlobFiles(db: Database, dataDir: string, findings: Findings) {
  const root = join((await findDirectory(dataDir, "tmp")) ?? join(dataDir, "tmp"), "..");
  const rows = db
    .query<{ name: string; sha256: Uint8Array; size: number }, []>(
      "SELECT name, sha256, size FROM blob WHERE name IS NOT NULL",
    )
    .all();
  for (const { name, sha256, size } of rows) {
    const bytes = await readFile(join(root, name.slice(0, 2), name)).catch(() => null);
    if (bytes === null) findings.note("L9", `the file ${name} is not there`);
    else if (bytes.length !== size || sha256Of(bytes) !== sha256.toHex()) {
      findings.note("L9", `the file ${name} does not fit its hash`);
    }
  }
  const named = new Set(rows.map(({ name }) => name));
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const orphanCount = files.filter(({ name }) => !named.has(name)).length;
  return { orphanCount, blobCount: rows.length };
}

function numberOf(db: Database, sql: string): number {
  return db.query<{ n: number }, []>(sql).get()?.n ?? 0;
}

function nameOf<Name extends string>(numbers: Record<Name, number>, number: number): Name {
  const found = (Object.keys(numbers) as Name[]).find((name) => numbers[name] === number);
  if (found === undefined) throw new Error(`The number ${number} has no name.`);
  return found;
}
