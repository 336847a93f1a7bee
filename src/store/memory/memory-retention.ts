// What is settled, oldest first, and what may be forgotten of deleted jobs: the reference for every provider.

import type { StoredEvent } from "../../domain/event.ts";
import type { Job } from "../../domain/job.ts";
import type { EventForgetting, SettledJob } from "../job-store.ts";

export function settledOf(
  jobs: Iterable<Job>,
  events: readonly StoredEvent[],
  after: number,
  limit: number,
): readonly SettledJob[] {
  const placeBySeq = new Map(events.map(({ job, seq }) => [job, seq]));
  return [...jobs]
    .flatMap((job) => {
      if (job.status === "pending" || job.status === "running") return [];
      const { seq, revision, status, type, changedAt: at } = job;
      const bytes = job.payload.size + (job.status === "done" ? job.result.size : 0);
      return [{ seq, revision, status, type, at, bytes, place: placeBySeq.get(seq) ?? 0 }];
    })
    .filter(({ place }) => place > after)
    .sort((a, b) => a.place - b.place)
    .slice(0, limit);
}

/** The numbers of the events to forget. */
export function forgettable(
  events: readonly StoredEvent[],
  lastEvent: number,
  { before, keepCount, limit }: EventForgetting,
): readonly number[] {
  const oldest = events
    .filter(({ change, seq }) => change === "deleted" && seq <= lastEvent - keepCount)
    .slice(0, limit);
  return oldest.filter(({ at }) => at < before).map(({ seq }) => seq);
}
