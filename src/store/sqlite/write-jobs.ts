// What adding, saving and removing one job writes, each inside a transaction that stands already.
// No rules: the rows say what the domain decided, the revision says on what.

import { assert } from "../../domain/assert.ts";
import { toContent, type NewContent } from "../../domain/blob-ref.ts";
import type { JobEvent } from "../../domain/event.ts";
import { firstReadyAt, type Job, type JobSeq, type NewJob } from "../../domain/job.ts";
import { parseJobRef } from "../../domain/key.ts";
import { requirementsOf } from "../../domain/shape.ts";
import { freshJob } from "../fresh-job.ts";
import type { Added, Change, Removal, Removed, Saved } from "../job-store.ts";
import type { Contents, Placement } from "./contents.ts";
import type { Counters } from "./counters.ts";
import type { Counted, JobCounts } from "./job-counts.ts";
import type { GroupCounts } from "./group-counts.ts";
import { fromIdText, toIdText } from "./id-bytes.ts";
import { fromAvoid, fromOptions } from "./job-row.ts";
import type { RecentJobs } from "./recent-jobs.ts";
import type { Shapes } from "./shapes.ts";
import type { Statements } from "./statements.ts";
import { changeNumbers, priorityNumbers, reasonNumbers, statusNumbers } from "./stored-numbers.ts";
import type { TypeEntry, Types } from "./types.ts";
import type { Workers } from "./workers.ts";

export type JobWriter = {
  add(job: NewJob): Added;
  save(change: Change): Saved;
  remove(removal: Removal): Removed;
};

export type JobWriterDeps = {
  readonly statements: Statements;
  readonly counters: Counters;
  readonly types: Types;
  readonly shapes: Shapes;
  readonly workers: Workers;
  readonly counts: JobCounts;
  readonly groups: GroupCounts;
  readonly contents: Contents;
  readonly recent: RecentJobs;
};

export function createJobWriter(deps: JobWriterDeps): JobWriter {
  const { statements, counters, types, shapes, workers, counts, groups, contents, recent } = deps;

  function add(job: NewJob): Added {
    const type = types.ensure(job.type);
    const placement = contents.place(job.payload);
    const batch = types.page(type);
    const key = job.key === job.id ? null : job.key;
    if (!insertJob(job, { key, type, blob: placement.blob })) return { kind: "key-taken" };
    contents.write(placement, job.payload);
    const seq = insertBeginning(job, type);
    const payload = { ...toContent(job.payload), name: placement.name };
    recent.put(freshJob({ ...job, seq, batch, payload }));
    return { kind: "added", seq, batch, spare: placement.spare };
  }

  /** A successor is never refused: when its key is taken its id serves. */
  function addSuccessor(job: NewJob, blob: number): JobSeq {
    const type = types.ensure(job.type);
    const key = job.key === job.id ? null : job.key;
    const isIn =
      insertJob(job, { key, type, blob }) ||
      (key !== null && insertJob(job, { key: null, type, blob }));
    assert(isIn, "a successor has an id that was never used");
    return insertBeginning(job, type);
  }

  type Place = { readonly key: string | null; readonly type: TypeEntry; readonly blob: number };

  /** False when the key or the id is taken: then nothing was written and no number was used. */
  function insertJob(job: NewJob, { key, type, blob }: Place): boolean {
    // An id's text is kept once, as the id. Were it another job's key, two jobs could have the same one.
    assert(key === null || parseJobRef(key).by !== "id", "only its own id serves a job as a key");
    const { changes } = statements.insertJob.run({
      seq: counters.peekJob(),
      id: requireIdBytes(job.id),
      key,
      type: type.id,
      class: priorityNumbers[job.priority],
      batch: types.page(type),
      payload: blob,
      contentType: job.payload.contentType,
      description: job.description,
      group: job.group,
      labels: job.labels,
      options: fromOptions(job.options),
      fromId: job.fromId === null ? null : requireIdBytes(job.fromId),
      submittedAt: job.submittedAt,
    });
    return changes === 1;
  }

  /** The state and the first event of a job that has just been inserted. */
  function insertBeginning(job: NewJob, type: TypeEntry): JobSeq {
    const seq = counters.takeJob();
    const shape = shapes.ensure(type.id, requirementsOf(job));
    const event = counters.takeEvent();
    const readyAt = firstReadyAt(job);
    types.place(type);
    statements.insertJobState.run({
      seq,
      class: priorityNumbers[job.priority],
      shape,
      readyAt,
      queued: !job.options.hold && readyAt <= job.submittedAt ? 1 : 0,
      held: job.options.hold ? 1 : 0,
      deadlineAt: job.options.deadline,
      event,
    });
    const submitted = { change: "submitted", status: "pending", attempt: null } as const;
    const told = { at: job.submittedAt, worker: null, reason: null, info: null };
    insertEvent(event, seq, { ...submitted, ...told }, null);
    counts.note({ type: type.id, shape }, statusNumbers.pending, 1);
    groups.note(job.group, statusNumbers.pending, 1);
    return seq;
  }

  function save(change: Change): Saved {
    const { job, event, from } = change;
    const was = statements.stateAtRevision.get({ seq: job.seq, revision: from });
    if (was === null) return { kind: "conflict" };
    const number = counters.takeEvent();
    const isWritten = statements.updateJobState.run(stateOf(change, number)).changes === 1;
    assert(isWritten, "a row read in this transaction is still there");
    noteStatus(job, was);
    insertAttempt(change);
    insertEvent(number, job.seq, event, fromAvoid(job.avoid));
    insertLogs(change);
    const placement = insertResult(change);
    recent.put(placement === null ? job : withResult(job, placement));
    const { successor } = change;
    assert(successor === null || placement !== null, "a successor continues with a result");
    const next =
      successor === null
        ? null
        : addSuccessor(continuing(successor, change.result!), placement!.blob);
    return { kind: "saved", spare: placement?.spare ?? null, successor: next };
  }

  type Before = { readonly state: number; readonly shape: number };

  function noteStatus(job: Job, { state: before, shape }: Before): void {
    const after = statusNumbers[job.status];
    if (after === before) return;
    const counted: Counted = { type: types.ensure(job.type).id, shape };
    counts.note(counted, before, -1);
    counts.note(counted, after, 1);
    groups.note(job.group, before, -1);
    groups.note(job.group, after, 1);
  }

  function insertAttempt({ job, attempt }: Change): void {
    if (attempt === null) return;
    const { n, tokenHash, leaseMs, startedAt } = attempt;
    const worker = workers.numberOf(attempt.worker);
    statements.insertAttempt.run({ seq: job.seq, n, worker, tokenHash, leaseMs, startedAt });
  }

  function insertLogs({ job, event, logs }: Change): void {
    if (logs === null) return;
    const attempt = event.attempt ?? 0;
    statements.insertLog.run({ job: job.seq, attempt, text: logs });
  }

  function insertResult({ job, result }: Change): Placement | null {
    if (result === null) return null;
    assert(job.status === "done", "only a done job has a result");
    const placement = contents.place(result);
    contents.write(placement, result);
    const { contentType } = result;
    statements.insertResult.run({
      seq: job.seq,
      blob: placement.blob,
      attempt: job.by,
      contentType,
    });
    return placement;
  }

  function insertEvent(seq: number, job: JobSeq, event: JobEvent, avoid: string | null): void {
    const { at, change, status, attempt, worker, reason, info } = event;
    statements.insertEvent.run({
      seq,
      job,
      at,
      change: changeNumbers[change],
      state: statusNumbers[status],
      attempt,
      worker: worker === null ? null : workers.numberOf(worker),
      reason: reason === null ? null : reasonNumbers[reason],
      info,
      avoid,
    });
  }

  function remove({ from, seq, event }: Removal): Removed {
    const row = statements.removable.get({ seq, revision: from });
    if (row === null) return { kind: "conflict" };
    statements.deleteLogs.run({ seq });
    statements.deleteResult.run({ seq });
    statements.deleteAttempts.run({ seq });
    statements.deleteEvents.run({ seq });
    statements.deleteJobState.run({ seq });
    statements.deleteJob.run({ seq });
    const number = counters.takeEvent();
    insertEvent(number, seq, event, null);
    statements.insertDeleted.run({ event: number, id: row.id, key: row.key, type: row.type });
    counts.note(row, row.state, -1);
    groups.note(row.job_group, row.state, -1);
    const blobs = new Set([row.payload, row.result ?? row.payload]);
    const id = toIdText(row.id);
    recent.drop({ seq, id, key: row.key ?? id });
    const freed = [...blobs].map(contents.release).filter((name) => name !== null);
    return { kind: "removed", freed };
  }

  return { add, save, remove };
}

/** As it stands: bytes that stood already keep their name. */
function withResult(job: Job, { name }: Placement): Job {
  assert(job.status === "done", "only a done job has a result");
  return { ...job, result: { ...toContent(job.result), name } };
}

/** Its payload is the result, whatever its own says: the size decides who may be given it. */
function continuing(successor: NewJob, { size }: NewContent): NewJob {
  return { ...successor, payload: { ...successor.payload, size } };
}

/** The narrow row of a job after a change. */
function stateOf({ job, from, event }: Change, number: number) {
  const waiting = job.status === "pending" ? job : { readyAt: 0, held: false };
  const isQueued = job.status === "pending" && !job.held && job.readyAt <= event.at;
  return {
    seq: job.seq,
    from,
    revision: job.revision,
    state: statusNumbers[job.status],
    penalty: job.penalty,
    readyAt: waiting.readyAt,
    queued: isQueued ? 1 : 0,
    held: waiting.held ? 1 : 0,
    attempt: job.attempt?.n ?? 0,
    failures: job.failures,
    crashes: job.crashes,
    retriedAfter: job.retriedAfter,
    event: number,
  };
}

function requireIdBytes(id: string): Uint8Array {
  const bytes = fromIdText(id);
  assert(bytes !== null, `"${id}" is a job's id`);
  return bytes;
}
