// Tells who listens what has been written: every move, after its commit, in the order of commits.
// Waiting for a job to settle is the commonest way of listening and has its own index.

import type { NewContent } from "../domain/blob-ref.ts";
import type { JobEvent } from "../domain/event.ts";
import { GridError } from "../domain/errors.ts";
import { isSettled, type Job, type JobSeq } from "../domain/job.ts";
import { waiterCountMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";

/** A move that is durable. `successor`: the number of the job that the same transaction added. */
export type News = {
  readonly job: Job;
  readonly event: JobEvent;
  readonly successor: JobSeq | null;
  /** What a completed job brought: its bytes, when they are small, need not be read again by who listens. */
  readonly result?: NewContent | null;
};

export type Feed = {
  publish(news: News): void;
  /** How many moves were told so far: unchanged between two looks, nothing was missed between them. */
  publishedCount(): number;
  /** Calls for every move until the returned function is called. The call must be short and must not throw. */
  subscribe(call: (news: News) => void): () => void;
  /** Resolves when news tells that the job is settled or deleted, when `waitMs` is over, or when `stop` fires. */
  untilSettled(seq: JobSeq, waitMs: number, stop: AbortSignal): Promise<void>;
};

export function createFeed({ clock }: { readonly clock: Clock }): Feed {
  const listeners = new Set<(news: News) => void>();
  const waitersBySeq = new Map<JobSeq, Set<() => void>>();
  let waiterCount = 0;
  let publishedCount = 0;

  return {
    publishedCount: () => publishedCount,
    publish(news) {
      publishedCount += 1;
      for (const call of listeners) call(news);
      if (!isSettled(news.job) && news.event.change !== "deleted") return;
      const waiters = waitersBySeq.get(news.job.seq);
      if (waiters === undefined) return;
      for (const resolve of waiters) resolve();
    },

    subscribe(call) {
      listeners.add(call);
      return () => listeners.delete(call);
    },

    untilSettled(seq, waitMs, stop) {
      if (waiterCount >= waiterCountMax) {
        throw new GridError(
          "overloaded",
          `${waiterCountMax} requests are waiting for jobs already. Ask again later, or without wait_s.`,
        );
      }
      return new Promise((resolve) => {
        const waiters = waitersBySeq.get(seq) ?? new Set();
        const done = () => {
          timer.cancel();
          stop.removeEventListener("abort", done);
          waiters.delete(done);
          if (waiters.size === 0) waitersBySeq.delete(seq);
          waiterCount -= 1;
          resolve();
        };
        waitersBySeq.set(seq, waiters.add(done));
        waiterCount += 1;
        const timer = clock.after(waitMs, done);
        stop.addEventListener("abort", done, { once: true });
        if (stop.aborted) done();
      });
    },
  };
}
