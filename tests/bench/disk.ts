// What the disk and SQLite cost at least, in a process of its own: the facts of a job inserted and never changed,
// 64 jobs in a commit, each commit synced; and a bare fdatasync.

import { Database } from "bun:sqlite";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { answerAsks, type DiskAnswer, type DiskAsk } from "./asks.ts";
import { percentilesOf } from "./figures.ts";

const jobsPerCommit = 64;

answerAsks((ask: DiskAsk) =>
  Promise.resolve(ask.do === "sqlite" ? insertFacts(ask) : syncFile(ask)),
);

const schema = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA wal_autocheckpoint = 4000;
CREATE TABLE job (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, key TEXT NOT NULL, submitted_at INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX job_id ON job (id);
CREATE UNIQUE INDEX job_key ON job (key);
CREATE TABLE attempt (seq INTEGER PRIMARY KEY, worker INTEGER NOT NULL, token_hash BLOB NOT NULL, started_at INTEGER NOT NULL) STRICT;
CREATE TABLE event (seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, at INTEGER NOT NULL, change INTEGER NOT NULL, worker INTEGER) STRICT;
CREATE INDEX event_job ON event (job);
CREATE TABLE result (seq INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, ended_at INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
`;

/** Per job: itself, an attempt, a result and three events, with 1 KiB in and 1 KiB out. */
function insertFacts({ directory, count }: DiskAsk): DiskAnswer {
  const db = new Database(join(directory, "ceiling.sqlite"), { create: true, strict: true });
  db.run(schema);
  const job = db.query("INSERT INTO job VALUES ($seq, $id, $key, $at, $bytes)");
  const attempt = db.query("INSERT INTO attempt VALUES ($seq, 1, $hash, $at)");
  const result = db.query("INSERT INTO result VALUES ($seq, 1, $at, $bytes)");
  const event = db.query("INSERT INTO event VALUES ($n, $seq, $at, $change, 1)");
  const bytes = new Uint8Array(1024).fill(7);
  const hash = new Uint8Array(32);
  const id = new Uint8Array(16);
  const at = 1_790_000_000_000;
  const commit = db.transaction((first: number) => {
    for (let seq = first; seq < first + jobsPerCommit; seq += 1) {
      new DataView(id.buffer).setFloat64(8, seq);
      job.run({ seq, id, key: id.toHex(), at, bytes });
      attempt.run({ seq, hash, at });
      result.run({ seq, at, bytes });
      for (let change = 0; change < 3; change += 1) {
        event.run({ n: seq * 3 + change, seq, at, change });
      }
    }
  });
  const rounds = Math.ceil(count / jobsPerCommit);
  const warmup = Math.ceil(rounds / 4);
  for (let n = 0; n < warmup; n += 1) commit.immediate(n * jobsPerCommit + 1);
  const measured = timeEach(rounds, (n) => commit.immediate((n + warmup) * jobsPerCommit + 1));
  db.close(true);
  return {
    ...measured,
    cpuUs: measured.cpuUs / jobsPerCommit,
    perSecond: measured.perSecond * jobsPerCommit,
  };
}

/** Appends 4 KiB and waits until the disk has it. */
function syncFile({ directory, count }: DiskAsk): DiskAnswer {
  const file = openSync(join(directory, "ceiling.log"), "w");
  const page = new Uint8Array(4096).fill(7);
  const append = () => {
    writeSync(file, page);
    fdatasyncSync(file);
  };
  timeEach(50, append);
  const measured = timeEach(count, append);
  closeSync(file);
  return measured;
}

function timeEach(count: number, one: (n: number) => void): DiskAnswer {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  for (let n = 0; n < count; n += 1) {
    const at = performance.now();
    one(n);
    times.push(performance.now() - at);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: (user + system) / count, ms: percentilesOf(times), perSecond: count / seconds };
}
