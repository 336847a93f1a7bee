// Jobs that were written a moment ago, and their small bytes, so that what is asked of them next need not be read
// from the file: most jobs are claimed, completed and fetched within a second of being added. Bounded; says nothing
// that the file would not say, but for moves that are on their way into it (`hold`).

import type { Job, JobId, JobSeq } from "../../domain/job.ts";
import {
  recentBytesMax,
  recentJobCountMax,
  recentNotesCharactersMax,
} from "../../domain/limits.ts";

/** What a job is found by. */
type JobNames = { readonly seq: JobSeq; readonly id: JobId; readonly key: string };

export type RecentJobs = {
  get(seq: JobSeq): Job | null;
  seqByKey(key: string): JobSeq | null;
  seqById(id: JobId): JobSeq | null;
  /** What was just written. */
  put(job: Job): void;
  /** A move that readers see and the file will have: kept until `settle`, whatever happens meanwhile. */
  hold(job: Job): void;
  /** The file has the move that led to this revision. */
  settle(seq: JobSeq, revision: number): void;
  /** Jobs whose newest move is not in the file yet. */
  heldCount(): number;
  isHeld(seq: JobSeq): boolean;
  drop(job: JobNames): void;
  bytes(blob: number): Uint8Array | null;
  putBytes(blob: number, bytes: Uint8Array): void;
  dropBytes(blob: number): void;
  /** A transaction was undone: what it wrote is not so. Moves on their way stay. */
  clear(): void;
};

export function createRecentJobs(): RecentJobs {
  const jobsBySeq = createGenerations<JobSeq, Job>(recentJobCountMax);
  const seqsByKey = createGenerations<string, JobSeq>(recentJobCountMax);
  const seqsById = createGenerations<JobId, JobSeq>(recentJobCountMax);
  const heldBySeq = new Map<JobSeq, Job>();
  const bytesByBlob = createGenerations<number, Uint8Array>(recentBytesMax);

  const put = (job: Job) => {
    if (isBulky(job)) return jobsBySeq.drop(job.seq);
    jobsBySeq.put(job.seq, job, 1);
    if (job.revision > 0) return; // It has its names since it was added.
    seqsByKey.put(job.key, job.seq, 1);
    seqsById.put(job.id, job.seq, 1);
  };

  return {
    get: (seq) => heldBySeq.get(seq) ?? jobsBySeq.get(seq),
    seqById: (id) => seqsById.get(id),
    seqByKey: (key) => seqsByKey.get(key),
    put,
    hold(job) {
      heldBySeq.set(job.seq, job);
      put(job);
    },
    settle(seq, revision) {
      if (heldBySeq.get(seq)?.revision === revision) heldBySeq.delete(seq);
    },
    heldCount: () => heldBySeq.size,
    isHeld: (seq) => heldBySeq.has(seq),
    drop({ seq, key, id }) {
      jobsBySeq.drop(seq);
      seqsByKey.drop(key);
      seqsById.drop(id);
    },
    bytes: (blob) => bytesByBlob.get(blob),
    putBytes: (blob, bytes) => bytesByBlob.put(blob, owned(bytes), bytes.length),
    dropBytes: (blob) => bytesByBlob.drop(blob),
    clear() {
      jobsBySeq.clear();
      seqsByKey.clear();
      seqsById.clear();
      bytesByBlob.clear();
    },
  };
}

type Generations<Key, Value> = {
  get(key: Key): Value | null;
  put(key: Key, value: Value, weight: number): void;
  drop(key: Key): void;
  clear(): void;
};

/**
 * Keeps what was put last. Two halves: when the younger is full it becomes the older, whose content goes. Taking
 * single entries from the front of one large map costs more than all else that is done with them.
 */
function createGenerations<Key, Value>(weightMax: number): Generations<Key, Value> {
  let young = new Map<Key, Value>();
  let old = new Map<Key, Value>();
  let weight = 0;
  const clear = () => {
    young = new Map();
    old = new Map();
    weight = 0;
  };

  return {
    get: (key) => young.get(key) ?? old.get(key) ?? null,
    put(key, value, added) {
      young.set(key, value);
      weight += added;
      if (weight * 2 < weightMax) return;
      old = young;
      young = new Map();
      weight = 0;
    },
    drop(key) {
      young.delete(key);
      old.delete(key);
    },
    clear,
  };
}

/** A view would keep the whole buffer alive, and see what becomes of it. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** Labels and notes may be large; a cache of thousands of them would be. */
function isBulky({ labels, info, description }: Job): boolean {
  const characters = (labels?.length ?? 0) + (info?.length ?? 0) + (description?.length ?? 0);
  return characters > recentNotesCharactersMax;
}
