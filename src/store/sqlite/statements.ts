// All fixed statements of a database, prepared once when it opens. Typed by what they bind and answer.

import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { AttemptColumns, EventRow, JobRow } from "./job-row.ts";
import * as read from "./read-sql.ts";
import * as write from "./write-sql.ts";
import type { WorkerRecord } from "../../domain/worker.ts";

type Bindings = { readonly [name: string]: string | number | null | Uint8Array };
type SeqRow = { readonly seq: number };
type IdRow = { readonly id: number };
type CountRow = { readonly count: number };
type AtRow = { readonly at: number | null };

export type TypeRow = IdRow & {
  readonly name: string;
  readonly batch: number;
  readonly batchCount: number;
};
export type RemovableRow = {
  readonly id: Uint8Array;
  readonly key: string | null;
  readonly type: number;
  readonly job_group: string | null;
  readonly payload: number;
  readonly state: number;
  readonly shape: number;
  readonly result: number | null;
};
type CountersRow = {
  readonly job: number;
  readonly event: number;
  readonly blob: number;
  readonly bytes: number;
};
type StateCountRow = { readonly state: number; readonly count: number };
export type ShapeCountRow = StateCountRow & { readonly type: number; readonly shape: number };
type ShapeRow = IdRow & { readonly type: number; readonly requires: string };
/** A row of the queue, with its place in the order to give out. */
export type QueueRow = SeqRow & { readonly class: number; readonly penalty: number };

/** What we use of a prepared statement. */
export type Read<Row> = {
  get(bindings: Bindings): Row | null;
  all(bindings: Bindings): Row[];
};
export type Write = { run(bindings: Bindings): { readonly changes: number } };

export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: Database) {
  const reading = <Row>(sql: string): Read<Row> => prepareRead<Row>(db, sql);
  const writing = (sql: string): Write => db.prepare<unknown, SQLQueryBindings>(sql);
  return {
    begin: writing(write.BEGIN),
    beginRead: writing(write.BEGIN_READ),
    commit: writing(write.COMMIT),
    rollback: writing(write.ROLLBACK),
    insertJob: writing(write.INSERT_JOB),
    insertJobState: writing(write.INSERT_JOB_STATE),
    updateJobState: writing(write.UPDATE_JOB_STATE),
    queueDue: writing(write.QUEUE_DUE),
    insertAttempt: writing(write.INSERT_ATTEMPT),
    insertEvent: writing(write.INSERT_EVENT),
    insertDeleted: writing(write.INSERT_DELETED),
    insertResult: writing(write.INSERT_RESULT),
    insertLog: writing(write.INSERT_LOG),
    insertBlob: writing(write.INSERT_BLOB),
    deleteUnusedBlob: reading<{ readonly name: string | null; readonly size: number }>(
      write.DELETE_UNUSED_BLOB,
    ),
    deleteLogs: writing(write.DELETE_LOGS),
    deleteResult: writing(write.DELETE_RESULT),
    deleteAttempts: writing(write.DELETE_ATTEMPTS),
    deleteEvents: writing(write.DELETE_EVENTS),
    deleteJobState: writing(write.DELETE_JOB_STATE),
    deleteJob: writing(write.DELETE_JOB),
    insertType: reading<IdRow>(write.INSERT_TYPE),
    insertShape: reading<IdRow>(write.INSERT_SHAPE),
    deleteShape: writing(write.DELETE_SHAPE),
    updateType: writing(write.UPDATE_TYPE),
    addGroupCount: writing(write.ADD_GROUP_COUNT),
    insertGroupCount: writing(write.INSERT_GROUP_COUNT),
    deleteEmptyGroup: writing(write.DELETE_EMPTY_GROUP),
    insertWorker: reading<IdRow>(write.INSERT_WORKER),
    upsertWorkerRecord: writing(write.UPSERT_WORKER_RECORD),
    deleteOldestWorkerRecords: writing(write.DELETE_OLDEST_WORKER_RECORDS),
    deleteUnusedWorkers: writing(write.DELETE_UNUSED_WORKERS),
    upsertSetting: writing(write.UPSERT_SETTING),
    updateCounters: writing(write.UPDATE_COUNTERS),
    updateOpen: writing(write.UPDATE_OPEN),
    jobBySeq: reading<JobRow>(read.JOB_BY_SEQ),
    seqById: reading<SeqRow>(read.SEQ_BY_ID),
    seqByKey: reading<SeqRow>(read.SEQ_BY_KEY),
    seqByIdAsKey: reading<SeqRow>(read.SEQ_BY_ID_AS_KEY),
    stateAtRevision: reading<Pick<RemovableRow, "state" | "shape">>(read.STATE_AT_REVISION),
    removable: reading<RemovableRow>(read.REMOVABLE),
    ready: reading<QueueRow>(read.READY),
    isDueToQueue: reading<{ readonly due: number }>(read.IS_DUE_TO_QUEUE),
    overdue: reading<SeqRow>(read.OVERDUE),
    nextReadyAt: reading<AtRow>(read.NEXT_READY_AT),
    nextDeadlineAt: reading<AtRow>(read.NEXT_DEADLINE_AT),
    history: reading<EventRow>(read.HISTORY),
    eventsAfter: reading<EventRow>(read.EVENTS_AFTER),
    attempt: reading<AttemptColumns>(read.ATTEMPT),
    logs: reading<{ readonly attempt: number; readonly text: string }>(read.LOGS),
    bytesOfBlob: reading<{ readonly bytes: Uint8Array | null }>(read.BYTES_OF_BLOB),
    blobBySha256: reading<IdRow & { readonly name: string }>(read.BLOB_BY_SHA256),
    blobByName: reading<IdRow>(read.BLOB_BY_NAME),
    blobById: reading<IdRow>(read.BLOB_BY_ID),
    counters: reading<CountersRow>(read.COUNTERS),
    types: reading<TypeRow>(read.TYPES),
    shapes: reading<ShapeRow>(read.SHAPES),
    counts: reading<ShapeCountRow>(read.COUNTS),
    groupCounts: reading<StateCountRow>(read.GROUP_COUNTS),
    groupFirst: reading<AtRow>(read.GROUP_FIRST),
    groupLast: reading<AtRow>(read.GROUP_LAST),
    workerByName: reading<IdRow>(read.WORKER_BY_NAME),
    workersById: reading<IdRow>(read.WORKERS_BY_ID),
    workerCount: reading<CountRow>(read.WORKER_COUNT),
    workerRecord: reading<WorkerRecord>(read.WORKER_RECORD),
    workerRecordCount: reading<CountRow>(read.WORKER_RECORD_COUNT),
    setting: reading<{ readonly value: string }>(read.SETTING),
  };
}

/** One statement that is built from fragments, for listings. */
export function prepareRead<Row>(db: Database, sql: string): Read<Row> {
  return db.prepare<Row, SQLQueryBindings>(sql);
}
