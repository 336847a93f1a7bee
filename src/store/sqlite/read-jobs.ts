// What is read of jobs: one by its name, the next to give out, those overdue, pages of a listing.
// Searches answer with numbers in order; each job is then read by its number.

import type { Database } from "bun:sqlite";
import { assert } from "../../domain/assert.ts";
import { statuses, type Instant, type Job, type JobSeq, type Status } from "../../domain/job.ts";
import { parseJobRef, type JobRef } from "../../domain/key.ts";
import type { Shape } from "../../domain/shape.ts";
import type { JobFilter, Page, PageQuery, ReadyQuery } from "../job-store.ts";
import { fromIdText } from "./id-bytes.ts";
import type { JobCounts } from "./job-counts.ts";
import { toJob } from "./job-row.ts";
import { countSearch, pageSearch, type SearchHints } from "./list-query.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import type { Shapes } from "./shapes.ts";
import { prepareRead, type QueueRow, type Read, type Statements } from "./statements.ts";
import { statusNumbers } from "./stored-numbers.ts";
import type { Types } from "./types.ts";

export type JobReader = {
  find(ref: JobRef): Job | null;
  shapes(types: readonly string[]): readonly Shape[];
  ready(query: ReadyQuery): readonly Job[];
  due(at: Instant, limit: number): readonly Job[];
  nextDue(at: Instant): Instant | null;
  list(query: PageQuery): Page<Job>;
  count(filter: JobFilter): number;
};

export type JobReaderDeps = {
  readonly db: Database;
  readonly statements: Statements;
  readonly types: Types;
  readonly shapes: Shapes;
  readonly counts: JobCounts;
  readonly recent: RecentJobs;
};

/** Searches kept prepared, some kilobytes each. People use a handful; beyond this someone is trying them all. */
const searchCountMax = 256;

type Found = { readonly seq: JobSeq; readonly count: number };

export function createJobReader(deps: JobReaderDeps): JobReader {
  const { db, statements, types, shapes, counts, recent } = deps;
  const searchesBySql = new Map<string, Read<Found>>();

  function load(seq: JobSeq): Job | null {
    const known = recent.get(seq);
    if (known !== null) return known;
    const row = statements.jobBySeq.get({ seq });
    return row === null ? null : toJob(row, types.nameOf(row.type));
  }

  function together<Answer>(read: () => Answer): Answer {
    statements.beginRead.run({});
    try {
      return read();
    } finally {
      if (db.inTransaction) statements.commit.run({});
    }
  }

  function loadAll(rows: readonly { readonly seq: JobSeq }[]): Job[] {
    return rows.map(({ seq }) => {
      const job = load(seq);
      assert(job !== null, `the job ${seq} that a search found is there`);
      return job;
    });
  }

  function find(ref: JobRef): Job | null {
    const seq = seqOf(ref);
    return seq === null ? null : load(seq);
  }

  function seqOf(ref: JobRef): JobSeq | null {
    if (ref.by === "seq") return ref.seq;
    if (ref.by === "id") return recent.seqById(ref.id) ?? seqById(ref.id, statements.seqById);
    const isId = parseJobRef(ref.key).by === "id";
    if (isId) return seqById(ref.key, statements.seqByIdAsKey);
    const known = recent.seqByKey(ref.key);
    if (known !== null) return known;
    return statements.seqByKey.get({ key: ref.key })?.seq ?? null;
  }

  function seqById(text: string, statement: Read<{ readonly seq: number }>): JobSeq | null {
    const id = fromIdText(text);
    return id === null ? null : (statement.get({ id })?.seq ?? null);
  }

  function shapesOf(name: string): readonly Shape[] {
    const type = types.find(name);
    if (type === null) return [];
    return Array.from(counts.pendingShapes(type.id), (shape) => {
      return { type: name, requires: shapes.requiresOf(shape) };
    });
  }

  /** Only what is answered is read as a whole: of many shapes that is little of what was found. */
  function ready({ shapes: asked, at, limit }: ReadyQuery): readonly Job[] {
    // Those that are claimed already, though the file does not say so yet, stand at the head of their queues.
    const heldCount = recent.heldCount();
    const found = asked.flatMap((one) => {
      const most = Math.min(one.limit, limit);
      const rows = queueOf(one, { at, limit: most + heldCount });
      return heldCount === 0 ? rows : rows.filter(({ seq }) => !recent.isHeld(seq)).slice(0, most);
    });
    return loadAll(asked.length > 1 ? firstOfEach(found, limit) : found);
  }

  function queueOf(
    { type: name, requires }: Shape,
    asked: { readonly at: Instant; readonly limit: number },
  ): readonly Candidate[] {
    const type = types.find(name);
    const shape = type === null ? null : shapes.find(type.id, requires);
    if (type === null || shape === null) return [];
    return statements.ready.all({ shape, ...asked }).map((row) => ({ ...row, type: type.id }));
  }

  function nextDue(at: Instant): Instant | null {
    const readyAt = statements.nextReadyAt.get({ at })?.at ?? null;
    const deadlineAt = statements.nextDeadlineAt.get({ at })?.at ?? null;
    if (readyAt === null || deadlineAt === null) return readyAt ?? deadlineAt;
    return Math.min(readyAt, deadlineAt);
  }

  function list(query: PageQuery): Page<Job> {
    const { sql, bindings } = pageSearch(query, hintsFor(query.filter));
    const rows = search(sql).all(bindings);
    const items = loadAll(rows.slice(0, query.limit));
    return { items, next: rows.length > query.limit ? (items.at(-1)?.seq ?? null) : null };
  }

  function count(filter: JobFilter): number {
    const known = countInMemory(filter);
    if (known !== null) return known;
    const { sql, bindings } = countSearch(filter, hintsFor(filter));
    return search(sql).get(bindings)?.count ?? 0;
  }

  /** Types and statuses are counted already; null when more is asked. */
  function countInMemory({ status, type, ...rest }: JobFilter): number | null {
    if (Object.values(rest).some((value) => value !== undefined)) return null;
    return total(type ?? null, status ?? null);
  }

  function total(typeName: string | null, status: Status | null): number {
    const of = typeName === null ? types.all() : [types.find(typeName)];
    const states = status === null ? statuses : [status];
    let sum = 0;
    for (const type of of) {
      if (type === null) continue;
      for (const state of states) sum += counts.get(type.id, statusNumbers[state]);
    }
    return sum;
  }

  function hintsFor({ type, status, worker }: JobFilter): SearchHints {
    const workerRows = worker === undefined ? [] : statements.workersById.all({ workerId: worker });
    return {
      type: type === undefined ? null : types.find(type),
      workers: workerRows.map(({ id }) => id),
      isTypeRarer:
        type !== undefined && status !== undefined && total(type, null) < total(null, status),
    };
  }

  function search(sql: string): Read<Found> {
    const known = searchesBySql.get(sql);
    if (known !== undefined) return known;
    if (searchesBySql.size >= searchCountMax) searchesBySql.clear();
    const prepared = prepareRead<Found>(db, sql);
    searchesBySql.set(sql, prepared);
    return prepared;
  }

  return {
    find,
    shapes: (names) => names.flatMap(shapesOf),
    ready: (query) => together(() => ready(query)),
    due: (at, limit) => together(() => loadAll(statements.overdue.all({ at, limit }))),
    nextDue,
    list: (query) => together(() => list(query)),
    count,
  };
}

type Candidate = QueueRow & { readonly type: number };

/** The first `limit` of each type, in the order to give out: class, then failures, then age. */
function firstOfEach(found: readonly Candidate[], limit: number): readonly Candidate[] {
  const countByType = new Map<number, number>();
  const inOrder = found.toSorted(
    (a, b) => a.class - b.class || a.penalty - b.penalty || a.seq - b.seq,
  );
  return inOrder.filter(({ type }) => {
    const count = (countByType.get(type) ?? 0) + 1;
    countByType.set(type, count);
    return count <= limit;
  });
}
