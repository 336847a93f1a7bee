// What keeps jobs. About a dozen verbs, none holds a rule; every instant is an argument.
// A promise of `add`, `save` and `remove` resolves only after the change is durable as the provider defines it.

import type { Content, NewContent } from "../domain/blob-ref.ts";
import type { JobEvent, StoredEvent } from "../domain/event.ts";
import type { Attempt, Instant, Job, JobSeq, NewJob, Status } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import type { Shape } from "../domain/shape.ts";
import type { WorkerRecord } from "../domain/worker.ts";

/** What became of one job handed to `add`. `spare`: the name of bytes that were offered but stand already. */
export type Added =
  | {
      readonly kind: "added";
      readonly seq: JobSeq;
      readonly batch: number;
      readonly spare: string | null;
    }
  | { readonly kind: "key-taken" };

/** One move to write: the job as it now is, decided on revision `from`. */
export type Change = {
  readonly from: number;
  readonly job: Job;
  readonly event: JobEvent;
  /** A new attempt to insert, else null. */
  readonly attempt: Attempt | null;
  /** The result of a job that is now done, else null. */
  readonly result: NewContent | null;
  /** Added in the same transaction; its payload is `result`. When its key is taken its id serves. */
  readonly successor: NewJob | null;
  /** What the worker said of a failure, kept apart from the event. */
  readonly logs: string | null;
};

/** `spare`: the name of bytes offered as the result that stand already. `successor`: the number it got. */
export type Saved =
  | { readonly kind: "saved"; readonly spare: string | null; readonly successor: JobSeq | null }
  | { readonly kind: "conflict" };

export type Removal = { readonly from: number; readonly seq: JobSeq; readonly event: JobEvent };

/** `freed`: names of bytes that no record refers to any more. */
export type Removed =
  { readonly kind: "removed"; readonly freed: readonly string[] } | { readonly kind: "conflict" };

export type ReadyQuery = {
  /** What free workers could be given, each shape once; with the most jobs to answer with of that shape. */
  readonly shapes: readonly (Shape & { readonly limit: number })[];
  readonly at: Instant;
  /** The most jobs to answer with, for each type. */
  readonly limit: number;
};

export type JobFilter = {
  readonly status?: Status;
  readonly type?: string;
  readonly group?: string;
  readonly batch?: number;
  readonly keyPrefix?: string;
  /** The worker of the newest attempt, by its id. */
  readonly worker?: string;
  readonly submittedAfter?: Instant;
  readonly fromId?: string;
};

export type PageQuery = {
  readonly filter: JobFilter;
  readonly order: "newest" | "oldest";
  readonly limit: number;
  /** The last number of the page before, or null for the first page. */
  readonly after: JobSeq | null;
};

export type Page<T> = { readonly items: readonly T[]; readonly next: JobSeq | null };

/** A user's own set of jobs as the store counts it. */
export type GroupCount = {
  readonly counts: Readonly<Record<Status, number>>;
  readonly firstSubmittedAt: Instant;
  readonly lastSubmittedAt: Instant;
};

export type TypeCount = { readonly type: string; readonly status: Status; readonly count: number };

/** A job that is done, failed or cancelled, as far as keeping house goes. */
export type SettledJob = {
  readonly seq: JobSeq;
  readonly revision: number;
  readonly status: "done" | "failed" | "cancelled";
  readonly type: string;
  /** When it was settled. */
  readonly at: Instant;
  /** Of its payload and its result. */
  readonly bytes: number;
  /** Grows in the order in which jobs are settled. */
  readonly place: number;
};

export type EventForgetting = {
  /** Only what was told before. */
  readonly before: Instant;
  /** So many of the newest events stay, whatever their age. */
  readonly keepCount: number;
  /** The most to look at. */
  readonly limit: number;
};

/** How many events, and the number of the newest of them; null when none was. */
export type ForgottenEvents = { readonly count: number; readonly last: number | null };

export interface JobStore {
  /** Inserts jobs, each for itself: a taken key refuses one job, not the others. Writes a `submitted` event each. */
  add(jobs: readonly NewJob[]): Promise<readonly Added[]>;
  /** The job, or null. */
  find(ref: JobRef): Promise<Job | null>;
  /** Writes moves, each for itself, each only if the job still has the revision it was decided on. */
  save(changes: readonly Change[]): Promise<readonly Saved[]>;
  /**
   * Writes one move that a crash of the next few milliseconds may undo. Resolves before it is durable: readers by
   * number, key or id see it at once, `ready` no longer offers the job, listings follow with the commit, which is
   * the next one or comes within `commitSoonMsMax`. `onDurable` is called then. Later moves of the job are durable
   * only together with it.
   */
  saveSoon(change: Change, onDurable: () => void): Promise<Saved>;
  /** Takes jobs and all that belongs to them away, leaving one `deleted` event each. */
  remove(removals: readonly Removal[]): Promise<readonly Removed[]>;
  /** The shapes of these types that have pending jobs now, in no order. From memory: asked before each claim. */
  shapes(types: readonly string[]): Promise<readonly Shape[]>;
  /** Pending jobs that may be given out at `at`, in the order to give them out: class, penalty, seq. */
  ready(query: ReadyQuery): Promise<readonly Job[]>;
  /** Pending jobs whose deadline has passed at `at`. */
  due(at: Instant, limit: number): Promise<readonly Job[]>;
  /** The nearest instant after `at` at which a waiting job becomes ready or passes its deadline, or null. */
  nextDue(at: Instant): Promise<Instant | null>;
  list(query: PageQuery): Promise<Page<Job>>;
  /** How many jobs fit the filter. Costs a scan of what it matches; `counts` is free. */
  count(filter: JobFilter): Promise<number>;
  /** Jobs by type and status. */
  counts(): Promise<readonly TypeCount[]>;
  /** The jobs of a group by status, without a look at each of them; null when it has none. */
  group(name: string): Promise<GroupCount | null>;
  /** True once a batch holds as many jobs as were asked for when it was filled. */
  isBatchFull(type: string, batch: number): Promise<boolean>;
  /** Everything that happened to one job, oldest first. */
  history(seq: JobSeq): Promise<readonly StoredEvent[]>;
  /** One try of a job, or null. */
  attempt(seq: JobSeq, n: number): Promise<Attempt | null>;
  /** What workers said of its failures, by attempt. */
  logs(seq: JobSeq): Promise<readonly { readonly attempt: number; readonly text: string }[]>;
  /** The number of the newest event ever written; 0 before the first. */
  lastEventSeq(): Promise<number>;
  events(afterSeq: number, limit: number): Promise<readonly StoredEvent[]>;
  /** Small bytes that the store keeps itself, or null when `content` is kept elsewhere or gone. */
  inline(content: Content): Promise<Uint8Array | null>;
  /** Settled jobs in the order they were settled, behind a place; 0 is before the first. */
  settled(after: number, limit: number): Promise<readonly SettledJob[]>;
  /** Bytes of all payloads and results that are kept; those that several jobs refer to count once. */
  bytesKept(): Promise<number>;
  /** Forgets the oldest that is told of deleted jobs. */
  forgetEvents(which: EventForgetting): Promise<ForgottenEvents>;
  /** True while a record refers to the bytes that a blob provider keeps under `name`. */
  usesBlob(name: string): Promise<boolean>;
  /** Types ever used, with the jobs of each that are not settled. */
  types(): Promise<readonly { readonly name: string; readonly unsettled: number }[]>;
  /** Makes the types known; those that stand already stay. */
  declareTypes(names: readonly string[]): Promise<void>;
  /** Remembers workers by id; counts replace what stood there. */
  noteWorkers(records: readonly WorkerRecord[]): Promise<void>;
  worker(id: string): Promise<WorkerRecord | null>;
  /** Small facts of the server itself: its cluster, its incarnation, hashes of its credentials. */
  setting(name: string): Promise<string | null>;
  setSetting(name: string, value: string): Promise<void>;
  close(): Promise<void>;
}
