// Who follows which jobs and groups, and what each is told: every move after its commit. What stands when a watch
// begins is told by watch-book.ts. Progress is looked at now and then, however often it is reported.

import { isSettled, type Job, type JobSeq } from "../domain/job.ts";
import { progressTellMs } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import type { Progress } from "./broker.ts";
import type { News } from "./feed.ts";
import type { Lease, Roster } from "./roster.ts";

/** What is to be told beside the end of a job. */
export type Wish = {
  readonly changes: boolean;
  readonly withResult: boolean;
  readonly progress: boolean;
};

/** What its book does with what there is to tell. */
export type Teller = {
  changed(re: number, job: Job, progress: Progress | null): void;
  settled(re: number, wish: Wish, news: Pick<News, "job" | "result">): void;
  gone(re: number, seq: JobSeq): void;
  /** The watch follows one job less. */
  left(watch: JobWatch): void;
};

type Following = {
  readonly re: number;
  readonly wish: Wish;
  readonly teller: Teller;
};

export type JobWatch = Following & {
  /** Jobs that it follows still. */
  readonly seqs: Set<JobSeq>;
  /** More may be added to it. */
  isBeginning: boolean;
};

export type GroupWatch = Following & {
  readonly group: string;
  /** Jobs of which news was told while what stands is told; null after that. */
  toldSince: Set<JobSeq> | null;
};

export type Watches = {
  /** False when the watch follows the job already. */
  add(watch: JobWatch, seq: JobSeq): boolean;
  drop(watch: JobWatch, seq: JobSeq): void;
  addGroup(watch: GroupWatch): void;
  dropGroup(watch: GroupWatch): void;
  /** Jobs that are followed by name. */
  count(): number;
  /** The highest number of a job that news told of: nothing has happened yet to a job above it. */
  newestSeq(): JobSeq;
  note(news: News): void;
};

export type WatchesDeps = { readonly roster: Roster; readonly clock: Pick<Clock, "after"> };

export function createWatches({ roster, clock }: WatchesDeps): Watches {
  const bySeq = new Map<JobSeq, JobWatch[]>();
  const byGroup = new Map<string, Set<GroupWatch>>();
  const progressTold = new Map<Following, Map<JobSeq, Progress>>();
  let newestSeq = 0;
  let count = 0;
  let isLooking = false;

  const forget = (watch: JobWatch, seq: JobSeq) => {
    if (!watch.seqs.delete(seq)) return;
    count -= 1;
    if (watch.seqs.size === 0) progressTold.delete(watch);
    watch.teller.left(watch);
  };
  const tell = ({ re, wish, teller }: Following, { job, result }: News) => {
    if (isSettled(job)) teller.settled(re, wish, { job, result: result ?? null });
    else if (wish.changes) teller.changed(re, job, null);
  };
  const tellOfProgress = (watch: Following, { job, progress }: Lease) => {
    const told = progressTold.get(watch);
    if (progress === null || told === undefined || told.get(job.seq) === progress) return;
    told.set(job.seq, progress);
    watch.teller.changed(watch.re, job, progress);
  };
  const look = () => {
    isLooking = false;
    for (const watch of progressTold.keys()) {
      for (const lease of leasesOf(watch, roster)) tellOfProgress(watch, lease);
    }
    lookOn();
  };
  const lookOn = () => {
    if (isLooking || progressTold.size === 0) return;
    isLooking = true;
    clock.after(progressTellMs, look);
  };
  const followProgress = (watch: Following) => {
    if (!watch.wish.progress || progressTold.has(watch)) return;
    progressTold.set(watch, new Map());
    lookOn();
  };

  return {
    add(watch, seq) {
      if (watch.seqs.has(seq)) return false;
      watch.seqs.add(seq);
      count += 1;
      const others = bySeq.get(seq);
      if (others === undefined) bySeq.set(seq, [watch]);
      else others.push(watch);
      followProgress(watch);
      return true;
    },
    drop(watch, seq) {
      const others = bySeq.get(seq);
      const place = others?.indexOf(watch) ?? -1;
      if (place >= 0) others?.splice(place, 1);
      if (others?.length === 0) bySeq.delete(seq);
      forget(watch, seq);
    },
    addGroup(watch) {
      const others = byGroup.get(watch.group);
      if (others === undefined) byGroup.set(watch.group, new Set([watch]));
      else others.add(watch);
      followProgress(watch);
    },
    dropGroup(watch) {
      const others = byGroup.get(watch.group);
      others?.delete(watch);
      if (others?.size === 0) byGroup.delete(watch.group);
      progressTold.delete(watch);
    },
    count: () => count,
    newestSeq: () => newestSeq,
    note(news) {
      const { job, event } = news;
      if (job.seq > newestSeq) newestSeq = job.seq;
      const isDeleted = event.change === "deleted";
      const groupWatches = job.group === null ? undefined : byGroup.get(job.group);
      if (groupWatches !== undefined && !isDeleted) {
        for (const watch of groupWatches) {
          watch.toldSince?.add(job.seq);
          if (isSettled(job)) progressTold.get(watch)?.delete(job.seq);
          tell(watch, news);
        }
      }
      const watches = bySeq.get(job.seq);
      if (watches === undefined) return;
      const isOver = isDeleted || isSettled(job);
      if (isOver) bySeq.delete(job.seq);
      for (const watch of watches) {
        if (isDeleted) watch.teller.gone(watch.re, job.seq);
        else tell(watch, news);
        if (isOver) forget(watch, job.seq);
      }
    },
  };
}

/** The running jobs that a watch is about. */
function* leasesOf(watch: Following, roster: Roster): Generator<Lease, void, void> {
  if ("seqs" in watch) {
    for (const seq of (watch as JobWatch).seqs) {
      const lease = roster.lease(seq);
      if (lease !== null) yield lease;
    }
    return;
  }
  const { group } = watch as GroupWatch; // The other kind.
  for (const lease of roster.leases()) if (lease.job.group === group) yield lease;
}
