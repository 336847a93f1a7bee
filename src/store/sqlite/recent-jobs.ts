// Jobs that were written a moment ago, and their small bytes, so that what is asked of them next need not be read
// from the file: most jobs are claimed, completed and fetched within a second of being added. Bounded; says nothing
// that the file would not say, but for moves that are on their way into it (`hold`).

import type { Job, JobId, JobSeq } from "../../domain/job.ts";
import {
  recentBytesMax,
  recentJobCountMax,
  recentNotesCharactersMax,
} from "../../domain/limits.ts";

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
  drop(seq: JobSeq): void;
  bytes(blob: number): Uint8Array | null;
  putBytes(blob: number, bytes: Uint8Array): void;
  dropBytes(blob: number): void;
  /** A transaction was undone: what it wrote is not so. Moves on their way stay. */
  clear(): void;
};

export function createRecentJobs(): RecentJobs {
  const jobsBySeq = new Map<JobSeq, Job>();
  const seqsByKey = new Map<string, JobSeq>();
  const seqsById = new Map<JobId, JobSeq>();
  const heldBySeq = new Map<JobSeq, Job>();
  const bytesByBlob = new Map<number, Uint8Array>();
  let byteCount = 0;

  const drop = (seq: JobSeq) => {
    const job = jobsBySeq.get(seq);
    if (job === undefined) return;
    jobsBySeq.delete(seq);
    seqsById.delete(job.id);
    if (seqsByKey.get(job.key) === seq) seqsByKey.delete(job.key);
  };
  const dropBytes = (blob: number) => {
    const bytes = bytesByBlob.get(blob);
    if (bytes === undefined) return;
    bytesByBlob.delete(blob);
    byteCount -= bytes.length;
  };
  const put = (job: Job) => {
    if (jobsBySeq.has(job.seq)) {
      jobsBySeq.set(job.seq, job);
      return;
    }
    if (isBulky(job)) return;
    jobsBySeq.set(job.seq, job);
    seqsByKey.set(job.key, job.seq);
    seqsById.set(job.id, job.seq);
    if (jobsBySeq.size <= recentJobCountMax) return;
    const [oldest] = jobsBySeq.keys();
    if (oldest !== undefined) drop(oldest);
  };

  return {
    get: (seq) => heldBySeq.get(seq) ?? jobsBySeq.get(seq) ?? null,
    seqById: (id) => seqsById.get(id) ?? null,
    seqByKey: (key) => seqsByKey.get(key) ?? null,
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
    drop,
    bytes: (blob) => bytesByBlob.get(blob) ?? null,
    putBytes(blob, given) {
      const bytes = given.slice(); // The caller may use its buffer again.
      bytesByBlob.set(blob, bytes);
      byteCount += bytes.length;
      for (const oldest of bytesByBlob.keys()) {
        if (byteCount <= recentBytesMax) return;
        dropBytes(oldest);
      }
    },
    dropBytes,
    clear() {
      jobsBySeq.clear();
      seqsByKey.clear();
      seqsById.clear();
      bytesByBlob.clear();
      byteCount = 0;
    },
  };
}

/** Labels and notes may be large; a cache of thousands of them would be. */
function isBulky({ labels, info, description }: Job): boolean {
  const characters = (labels?.length ?? 0) + (info?.length ?? 0) + (description?.length ?? 0);
  return characters > recentNotesCharactersMax;
}
