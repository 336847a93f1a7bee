import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JobFilter } from "../../../../src/store/job-store.ts";
import {
  afterPrefix,
  countSearch,
  idRange,
  pageSearch,
} from "../../../../src/store/sqlite/list-query.ts";
import * as read from "../../../../src/store/sqlite/read-sql.ts";
import { SCHEMA_1 } from "../../../../src/store/sqlite/schema-1.ts";
import * as write from "../../../../src/store/sqlite/write-sql.ts";

let db: Database;
beforeAll(() => {
  db = new Database(":memory:", { strict: true });
  db.run(SCHEMA_1);
});
afterAll(() => db.close());

function planOf(sql: string): string {
  const rows = db.prepare<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`).all();
  return rows.map((row) => row.detail).join("; ");
}

const type = { id: 1, name: "t" };

function planOfPage(filter: JobFilter, isTypeRarer = false): string {
  const hints = { type: filter.type === undefined ? null : type, workers: [1], isTypeRarer };
  return planOf(pageSearch({ filter, order: "newest", limit: 10, after: 5 }, hints).sql);
}

test("READY reads one index in the order to give out, without sorting", () => {
  const plan = planOf(read.READY);
  expect(plan).toContain("USING INDEX job_state_ready (shape=?)");
  expect(plan).not.toContain("TEMP B-TREE");
});

test("IS_DUE_TO_QUEUE, OVERDUE and the nearest instants read their partial indexes", () => {
  expect(planOf(read.IS_DUE_TO_QUEUE)).toContain("job_state_waiting (ready_at<?)");
  expect(planOf(read.NEXT_READY_AT)).toContain("job_state_waiting (ready_at>?)");
  expect(planOf(read.OVERDUE)).toContain("job_state_deadline");
  expect(planOf(read.NEXT_DEADLINE_AT)).toContain("job_state_deadline");
  expect(planOf(write.QUEUE_DUE)).toContain("job_state_waiting (ready_at<?)");
});

test("no statement for a single job or blob reads a whole table", () => {
  const statements = [
    read.JOB_BY_SEQ,
    read.SEQ_BY_ID,
    read.SEQ_BY_KEY,
    read.SEQ_BY_ID_AS_KEY,
    read.REMOVABLE,
    read.HISTORY,
    read.EVENTS_AFTER,
    read.LOGS,
    read.BLOB_BY_SHA256,
    read.BLOB_BY_NAME,
    read.WORKER_BY_NAME,
    write.UPDATE_JOB_STATE,
    write.DELETE_UNUSED_BLOB,
    write.DELETE_LOGS,
    write.DELETE_ATTEMPTS,
    write.DELETE_EVENTS,
    write.DELETE_JOB,
  ];
  for (const sql of statements) expect(planOf(sql)).not.toMatch(/SCAN (?!r$)/);
});

test("pageSearch() reads numbers in order, without sorting, for what people look at most", () => {
  const filters: readonly JobFilter[] = [
    {},
    { status: "pending" },
    { type: "t" },
    { type: "t", status: "done" },
    { type: "t", batch: 3 },
    { group: "g" },
    { group: "g", status: "done" },
    { worker: "w" },
    { worker: "w", status: "done" },
    { fromId: "01900000-0000-7000-8000-000000000001" },
    { submittedAfter: 1 },
  ];
  for (const filter of filters) {
    expect({ filter, plan: planOfPage(filter) }).not.toMatchObject({
      plan: expect.stringContaining("TEMP B-TREE"),
    });
  }
});

test("pageSearch() starts from the index of the smallest set", () => {
  expect(planOfPage({ status: "done" })).toContain("job_state_state (state=?");
  expect(planOfPage({ type: "t", status: "done" })).toContain("job_state_state (state=?");
  expect(planOfPage({ type: "t", status: "done" }, true)).toContain("job_type (type=?)");
  expect(planOfPage({ type: "t" })).toContain("job_type (type=?)");
  expect(planOfPage({ group: "g", status: "done" })).toContain("job_group (job_group=?");
  expect(planOfPage({ worker: "w" })).toContain("attempt_worker (worker=?");
  expect(planOfPage({ keyPrefix: "named" })).toContain("job_key (key>? AND key<?)");
  expect(planOfPage({ keyPrefix: "named", type: "t" })).toContain("job_key (key>? AND key<?)");
  expect(planOfPage({ keyPrefix: "01" })).toContain("MULTI-INDEX OR");
});

test("countSearch() answers one number", () => {
  const hints = { type: null, workers: [], isTypeRarer: false };
  const { sql, bindings } = countSearch({ group: "g" }, hints);
  expect(db.prepare(sql).get(bindings)).toEqual({ count: 0 });
});

test("pageSearch() never puts a caller's text into the statement", () => {
  const nasty = `'; DROP TABLE job; --`;
  const filter: JobFilter = { type: nasty, group: nasty, keyPrefix: nasty, worker: nasty };
  const hints = { type: null, workers: [1, 2], isTypeRarer: false };
  const { sql } = pageSearch({ filter, order: "oldest", limit: 1, after: null }, hints);
  expect(sql).not.toContain("DROP");
});

test("afterPrefix() is the first text beyond all texts with the prefix, in the order of UTF-8", () => {
  expect(afterPrefix("a")).toBe("b");
  expect(afterPrefix("a\u{10ffff}")).toBe("b");
  expect(afterPrefix("\ud7ff")).toBe("\ue000");
  expect(afterPrefix("\u{1f600}")).toBe("\u{1f601}");
  expect(afterPrefix("\u{10ffff}").startsWith("\u{10ffff}\u{10ffff}")).toBe(true);
});

test("idRange() spans the ids whose text begins with the prefix, or is null when none can", () => {
  const range = (prefix: string) => {
    const found = idRange(prefix);
    return found === null ? null : [found.idFrom.toHex(), found.idTo.toHex()];
  };
  const zeros = (text: string) => text.padEnd(32, "0");
  const fs = (text: string) => text.padEnd(32, "f");
  expect(range("01")).toEqual([zeros("01"), fs("01")]);
  expect(range("01234567-8")).toEqual([zeros("012345678"), fs("012345678")]);
  expect(range("01234567-")).toEqual([zeros("01234567"), fs("01234567")]);
  expect(range("012345678")).toBeNull();
  expect(range("0-")).toBeNull();
  expect(range("A")).toBeNull();
  expect(range("01234567-89ab-7def-8123-456789abcdef0")).toBeNull();
});
