// The watches of one listener. A watch begins before what stands is looked at, so that nothing is lost between the
// two; and what is told as standing is never older than what news has told already.

import { GridError } from "../domain/errors.ts";
import { isSettled, type Job, type JobSeq } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import {
  clientGroupWatchCountMax,
  clientWatchCountMax,
  frameBodyBytesMax,
  presentLookCountMax,
  watchedJobCountMax,
} from "../domain/limits.ts";
import type { Progress } from "./broker.ts";
import { readWhole, type BytesDeps } from "./bytes.ts";
import type { Feed, News } from "./feed.ts";
import { noSuchJob } from "./read.ts";
import type { Roster } from "./roster.ts";
import { walk, wholeStretch } from "./walk.ts";
import type { GroupWatch, JobWatch, Teller, Watches, Wish } from "./watches.ts";

export type WatchNews =
  | { readonly kind: "changed"; readonly job: Job; readonly progress: Progress | null }
  /** `bytes`: the result, when it is small, wished for, and the listener had room for it. */
  | { readonly kind: "settled"; readonly job: Job; readonly bytes: Uint8Array | null }
  /** Of the job that goes by this name nothing can be told. */
  | { readonly kind: "refused"; readonly name: string | number; readonly error: GridError }
  /** All that stood when the watch began is told: so many jobs. */
  | { readonly kind: "watching"; readonly count: number };

export type WatchListener = {
  /** `re`: the number of the watch. Must be short and must not throw. */
  tell(re: number, news: WatchNews): void;
  /** Whether a result may travel along now. */
  hasRoom(): boolean;
  /** Resolves when there is room again, or never will be. */
  untilRoom(): Promise<void>;
};

export type NamedJob = { readonly name: string | number; readonly ref: JobRef };

/** Each watch has a number of its own, which its owner chooses. The watch of a job ends with the job. */
export type WatchBook = {
  /** Throws `overloaded` where so many more jobs cannot be followed. */
  requireRoom(jobCount: number): void;
  has(re: number): boolean;
  /** A job that was added a moment ago. */
  followNew(re: number, seq: JobSeq, wish: Wish): void;
  /** Tells of each what stands, then that this is done. */
  follow(re: number, jobs: readonly NamedJob[], wish: Wish): Promise<void>;
  /** The same for all jobs of a group, and for those that come later. */
  followGroup(re: number, group: string, wish: Wish): Promise<void>;
  end(re: number): void;
  /** Ends them all. */
  close(): void;
};

export type WatchBookDeps = BytesDeps & {
  readonly feed: Feed;
  readonly roster: Roster;
  readonly watches: Watches;
  readonly carryOut: (work: Promise<unknown>) => void;
};

export function createWatchBook(deps: WatchBookDeps, listener: WatchListener): WatchBook {
  const { jobs, feed, roster, watches, carryOut } = deps;
  const jobWatches = new Map<number, JobWatch>();
  const groupWatches = new Map<number, GroupWatch>();
  let jobCount = 0;
  let isClosed = false;
  let reading: Promise<void> = Promise.resolve();

  const tell: WatchListener["tell"] = (re, news) => {
    if (!isClosed) listener.tell(re, news);
  };
  /** One after the other: thousands may settle at once. */
  const readThenTell = async (re: number, job: Job) => {
    let bytes: Uint8Array | null = null;
    try {
      if (isClosed || !listener.hasRoom()) return;
      const fresh = await jobs.find({ by: "seq", seq: job.seq }); // Only the store knows where the bytes are.
      if (fresh?.status === "done") bytes = await readWhole(deps, fresh.result);
    } finally {
      tell(re, { kind: "settled", job, bytes });
    }
  };
  /** Resolves when all results are told that were being read. */
  const read = () => reading.catch(() => {}); // The broker logs what went wrong.
  const settled = (re: number, wish: Wish, { job, result }: Pick<News, "job" | "result">) => {
    const isSent = wish.withResult && job.status === "done" && job.result.size <= frameBodyBytesMax;
    const bytes = result?.inline ?? null;
    if (isSent && bytes === null) {
      const work = () => readThenTell(re, job);
      carryOut((reading = read().then(work)));
    } else tell(re, { kind: "settled", job, bytes: isSent && listener.hasRoom() ? bytes : null });
  };
  const teller: Teller = {
    changed: (re, job, progress) => tell(re, { kind: "changed", job, progress }),
    settled,
    gone: (re, seq) => tell(re, refusedAs(seq, { by: "seq", seq })),
    left(watch) {
      jobCount -= 1;
      if (watch.seqs.size === 0 && !watch.isBeginning) jobWatches.delete(watch.re);
    },
  };

  const add = (watch: JobWatch, seq: JobSeq): boolean => {
    const isNew = watches.add(watch, seq);
    if (isNew) jobCount += 1;
    return isNew;
  };
  const begin = (re: number, wish: Wish, isBeginning: boolean): JobWatch => {
    const watch = { re, wish, teller, seqs: new Set<JobSeq>(), isBeginning };
    jobWatches.set(re, watch);
    return watch;
  };
  const isOn = (watch: JobWatch | GroupWatch) =>
    jobWatches.get(watch.re) === watch || groupWatches.get(watch.re) === watch;
  const tellPresent = ({ re, wish }: JobWatch | GroupWatch, job: Job) => {
    if (isSettled(job)) return settled(re, wish, { job });
    const progress = wish.progress ? (roster.lease(job.seq)?.progress ?? null) : null;
    if (wish.changes) tell(re, { kind: "changed", job, progress });
  };
  /** Tells what stands, unless news has told it meanwhile. Answers whether there is such a job. */
  const look = async (watch: JobWatch, ref: JobRef): Promise<boolean> => {
    let seen = feed.publishedCount();
    let job = await jobs.find(ref);
    if (job === null) return false;
    const { seq } = job;
    if (!isOn(watch) || !add(watch, seq)) return true;
    for (let round = 0; feed.publishedCount() !== seen && round < presentLookCountMax; round += 1) {
      seen = feed.publishedCount();
      job = await jobs.find({ by: "seq", seq });
      if (!watch.seqs.has(seq)) return true;
      if (job === null) break;
    }
    if (job !== null) tellPresent(watch, job);
    if (job === null || isSettled(job)) watches.drop(watch, seq);
    return job !== null;
  };

  /** Whether something happened to it before it was followed. */
  const lookAtNew = async (watch: JobWatch, seq: JobSeq) => {
    const job = await jobs.find({ by: "seq", seq });
    if (job === null || job.status === "pending" || !watch.seqs.has(seq)) return;
    tellPresent(watch, job);
    if (isSettled(job)) watches.drop(watch, seq);
  };
  const requireRoom = (more: number) => {
    const isFull = jobCount + more > clientWatchCountMax;
    if (!isFull && watches.count() + more <= watchedJobCountMax) return;
    throw isFull
      ? tooMany("This connection follows", clientWatchCountMax)
      : tooMany("The server follows", watchedJobCountMax);
  };
  const end = (re: number) => {
    const jobWatch = jobWatches.get(re);
    const groupWatch = groupWatches.get(re);
    jobWatches.delete(re);
    groupWatches.delete(re);
    if (jobWatch !== undefined) for (const seq of jobWatch.seqs) watches.drop(jobWatch, seq);
    if (groupWatch !== undefined) watches.dropGroup(groupWatch);
  };

  return {
    requireRoom,
    has: (re) => jobWatches.has(re) || groupWatches.has(re),
    followNew(re, seq, wish) {
      const watch = begin(re, wish, false);
      add(watch, seq);
      // Numbers only grow: as long as nothing was told of this one or a later one, nothing can have been missed.
      if (watches.newestSeq() >= seq) carryOut(lookAtNew(watch, seq));
    },
    async follow(re, named, wish) {
      requireRoom(named.length);
      const watch = begin(re, wish, true);
      let found = 0;
      for (const { name, ref } of named) {
        await listener.untilRoom();
        if (!isOn(watch)) return;
        if (await look(watch, ref)) found += 1;
        else tell(re, refusedAs(name, ref));
        await read();
      }
      watch.isBeginning = false;
      if (!isOn(watch)) return;
      if (watch.seqs.size === 0) jobWatches.delete(re);
      tell(re, { kind: "watching", count: found });
    },
    async followGroup(re, group, wish) {
      if (groupWatches.size >= clientGroupWatchCountMax) throw tooManyGroups();
      const toldSince = new Set<JobSeq>();
      const watch: GroupWatch = { re, wish, teller, group, toldSince };
      groupWatches.set(re, watch);
      watches.addGroup(watch);
      let found = 0;
      for await (const page of walk(jobs, { filter: { group } }, await wholeStretch(jobs))) {
        for (const job of page.jobs) {
          await listener.untilRoom();
          if (!isOn(watch)) return;
          found += 1;
          if (!toldSince.has(job.seq)) tellPresent(watch, job);
          await read();
        }
      }
      watch.toldSince = null;
      tell(re, { kind: "watching", count: found });
    },
    end,
    close() {
      isClosed = true;
      for (const re of [...jobWatches.keys(), ...groupWatches.keys()]) end(re);
    },
  };
}

function tooMany(who: string, most: number): GridError {
  const sentence = `${who} as many jobs as it can, ${most}. Wait until some have settled.`;
  return new GridError("overloaded", sentence);
}

function tooManyGroups(): GridError {
  const sentence = `This connection follows ${clientGroupWatchCountMax} groups already. End one of those first.`;
  return new GridError("overloaded", sentence);
}

function refusedAs(name: string | number, ref: JobRef): Extract<WatchNews, { kind: "refused" }> {
  return { kind: "refused", name, error: noSuchJob(ref) };
}
