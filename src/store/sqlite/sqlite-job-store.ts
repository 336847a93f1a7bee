// Jobs in one SQLite file. Reads answer at once from the file; changes of one turn of the event loop share one
// commit. Numbers, types, pages and counts are kept in memory as a copy of what is committed.

import type { Database } from "bun:sqlite";
import { assert } from "../../domain/assert.ts";
import { statuses } from "../../domain/job.ts";
import { changesPerCommitMax } from "../../domain/limits.ts";
import type { Clock } from "../../platform/clock.ts";
import type { AtEndOfTurn } from "../../platform/turn.ts";
import type { Change, JobStore, Saved, TypeCount } from "../job-store.ts";
import { createContents } from "./contents.ts";
import { createDatabaseCopier, type DatabaseCopier } from "./copy-database.ts";
import { createCounters } from "./counters.ts";
import { createGroupCounts } from "./group-counts.ts";
import { createGroupCommit } from "./group-commit.ts";
import { createJobCounts } from "./job-counts.ts";
import { toAttempt, toStoredEvent, type EventRow } from "./job-row.ts";
import { checkpointPages, openDatabase, type Durability } from "./open-database.ts";
import { createJobReader } from "./read-jobs.ts";
import { createRetention } from "./retention.ts";
import { createRecentJobs } from "./recent-jobs.ts";
import { createShapes } from "./shapes.ts";
import { prepareStatements } from "./statements.ts";
import { statusNumbers } from "./stored-numbers.ts";
import { createTypes } from "./types.ts";
import { createWorkers } from "./workers.ts";
import { createJobWriter } from "./write-jobs.ts";

export type SqliteJobStoreOptions = {
  readonly file: string;
  /** Jobs in one page of a type. */
  readonly batchSize: number;
  readonly durability: Durability;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly clock: Pick<Clock, "after">;
  /** Called once when the disk failed; every verb rejects from then on. */
  readonly onBroken: (error: unknown) => void;
  /** Called when the disk is full: true when there is room now. Left out: no room can be made. */
  readonly makeRoom?: () => boolean;
};

/** A store that can hand on a copy of all that it keeps, as of one moment. */
export type SqliteJobStore = JobStore & Pick<DatabaseCopier, "copyOut">;

/** Opens the file, makes it when it is not there. The store must be closed. */
export function createSqliteJobStore(options: SqliteJobStoreOptions): SqliteJobStore {
  return openDatabase(options.file, options.durability, (db) => createStoreOn(db, options));
}

function createStoreOn(db: Database, options: SqliteJobStoreOptions): SqliteJobStore {
  const { file, batchSize, atEndOfTurn, clock, onBroken, makeRoom } = options;
  const statements = prepareStatements(db);
  const counters = createCounters(statements);
  const types = createTypes(statements, batchSize);
  const standing = statements.counts.all({});
  const shapes = createShapes(db, statements, new Set(standing.map(({ shape }) => shape)));
  const counts = createJobCounts(standing);
  const groups = createGroupCounts(statements);
  const workers = createWorkers(statements);
  const recent = createRecentJobs();
  const contents = createContents(statements, counters, recent);
  const writer = createJobWriter({
    statements,
    counters,
    types,
    shapes,
    workers,
    counts,
    groups,
    contents,
    recent,
  });
  const reader = createJobReader({ db, statements, types, shapes, counts, recent });
  const commits = createGroupCommit({
    transact,
    atEndOfTurn,
    clock,
    onBroken,
    ...(makeRoom && { makeRoom }),
  });
  const copier = createDatabaseCopier({ db, file, checkpointPages, guard: commits.read });
  const retention = createRetention(db, types, counters);
  const queuedBySeq = new Map<number, number>();
  let isClosed = false;

  function transact(work: () => void): void {
    statements.begin.run({});
    try {
      work();
      counters.persist();
      types.persist();
      groups.persist();
      statements.commit.run({});
    } catch (error) {
      undo();
      throw error;
    }
    counts.commit();
  }

  /** What is in memory is read again: it is a copy of what is committed. */
  function undo(): void {
    if (db.inTransaction) statements.rollback.run({});
    recent.clear();
    counts.discard();
    groups.discard();
    counters.reload();
    types.reload();
    shapes.reload();
    workers.reload();
  }

  async function writeEach<Item, Answer>(
    items: readonly Item[],
    write: (item: Item) => Answer,
  ): Promise<readonly Answer[]> {
    if (items.length <= changesPerCommitMax) {
      return commits.write(items.length, () => items.map(write));
    }
    const parts: Promise<readonly Answer[]>[] = [];
    for (let start = 0; start < items.length; start += changesPerCommitMax) {
      const part = items.slice(start, start + changesPerCommitMax);
      parts.push(commits.write(part.length, () => part.map(write)));
    }
    return (await Promise.all(parts)).flat();
  }

  function saveSoon(change: Change, onDurable: () => void): Promise<readonly Saved[]> {
    assert(change.result === null, "a result is durable before it is told of");
    const known = recent.get(change.job.seq);
    // Only what is in memory can be judged at once, and only when nothing else is on its way to the job.
    if (known === null || queuedBySeq.has(change.job.seq)) {
      const written = writeEach([change], writer.save);
      return written.finally(onDurable);
    }
    if (known.revision !== change.from) return Promise.resolve([{ kind: "conflict" }]);
    const write = () => {
      const saved = writer.save(change);
      assert(saved.kind === "saved", "what was judged in memory is what the file says");
    };
    const { seq, revision } = change.job;
    commits.writeSoon(write, () => {
      recent.settle(seq, revision);
      onDurable();
    });
    recent.hold(change.job);
    return Promise.resolve([{ kind: "saved", spare: null, successor: null }]);
  }

  /** Writes about jobs that stand, which are known to be under way until they are. */
  async function writeStanding<Item, Answer>(
    items: readonly Item[],
    seqOf: (item: Item) => number,
    write: (item: Item) => Answer,
  ): Promise<readonly Answer[]> {
    const count = (item: Item, by: 1 | -1) => {
      const seq = seqOf(item);
      const queued = (queuedBySeq.get(seq) ?? 0) + by;
      if (queued === 0) queuedBySeq.delete(seq);
      else queuedBySeq.set(seq, queued);
    };
    for (const item of items) count(item, 1);
    try {
      return await writeEach(items, write);
    } finally {
      for (const item of items) count(item, -1);
    }
  }

  const toEvents = (rows: readonly EventRow[]) =>
    rows.map((row) => toStoredEvent(row, types.nameOf(row.type)));

  function queueDue(at: number): void {
    if (statements.isDueToQueue.get({ at }) === null) return;
    commits.writeNow(() => statements.queueDue.run({ at }));
  }

  function countsByType(): readonly TypeCount[] {
    const all = types.all().flatMap(({ id, name }) =>
      statuses.map((status) => {
        return { type: name, status, count: counts.get(id, statusNumbers[status]) };
      }),
    );
    return all.filter(({ count }) => count > 0);
  }

  const unsettled = (type: number) =>
    counts.get(type, statusNumbers.pending) + counts.get(type, statusNumbers.running);

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    await copier.stop();
    // After a failed disk the file is left as it is, unclosed: closing it would write. The next start checks it.
    if (commits.close() === "broken") return;
    statements.updateOpen.run({ isOpen: 0 });
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close(true); // At once, not when the last statement is collected: the file is locked until then.
    await copier.close();
  }

  return {
    add: (jobs) => writeEach(jobs, writer.add),
    save: (changes) => writeStanding(changes, ({ job }) => job.seq, writer.save),
    saveSoon: async (change, onDurable) => {
      const [saved] = await saveSoon(change, onDurable);
      assert(saved !== undefined, "each change has an answer");
      return saved;
    },
    remove: (removals) => writeStanding(removals, ({ seq }) => seq, writer.remove),
    find: (ref) => commits.read(() => reader.find(ref)),
    shapes: (names) => commits.read(() => reader.shapes(names)),
    ready: (query) =>
      commits.read(() => {
        queueDue(query.at);
        return reader.ready(query);
      }),
    due: (at, limit) => commits.read(() => reader.due(at, limit)),
    nextDue: (at) => commits.read(() => reader.nextDue(at)),
    list: (query) => commits.read(() => reader.list(query)),
    count: (filter) => commits.read(() => reader.count(filter)),
    counts: () => commits.read(countsByType),
    group: (name) => commits.read(() => groups.get(name)),
    isBatchFull: (name, batch) =>
      commits.read(() => {
        const type = types.find(name);
        return type !== null && types.isFull(type, batch);
      }),
    history: (job) => commits.read(() => toEvents(statements.history.all({ job }))),
    attempt: (seq, n) =>
      commits.read(() => {
        const row = statements.attempt.get({ seq, n });
        return row === null ? null : toAttempt(row);
      }),
    logs: (job) => commits.read(() => statements.logs.all({ job })),
    lastEventSeq: () => commits.read(() => counters.lastEvent()),
    events: (after, limit) =>
      commits.read(() => toEvents(statements.eventsAfter.all({ after, limit }))),
    inline: (content) => commits.read(() => contents.inline(content)),
    settled: (after, limit) => commits.read(() => retention.settled(after, limit)),
    bytesKept: () => commits.read(counters.bytesKept),
    forgetEvents: (which) => commits.write(which.limit, () => retention.forgetEvents(which)),
    usesBlob: (name) => commits.read(() => contents.uses(name)),
    types: () =>
      commits.read(() => types.all().map(({ id, name }) => ({ name, unsettled: unsettled(id) }))),
    declareTypes: (names) =>
      commits.write(1, () => {
        for (const name of names) types.ensure(name);
      }),
    noteWorkers: (records) => commits.write(records.length, () => workers.note(records)),
    worker: (id) => commits.read(() => workers.record(id)),
    setting: (name) => commits.read(() => statements.setting.get({ name })?.value ?? null),
    setSetting: (name, value) =>
      commits.write(1, () => {
        statements.upsertSetting.run({ name, value });
      }),
    copyOut: copier.copyOut,
    close,
  };
}
