// What `gridlike top` shows at one moment, gathered through the client: plain data for the screen and for --json.

import type { WireEvent, WireGroup, WireJob, WireStats, WireWorker } from "../../client/index.ts";
import type { ChangeName } from "../../domain/event.ts";
import { millisecondsOf } from "../jobs/words.ts";

export type TopState = {
  readonly url: string;
  readonly stats: WireStats;
  readonly workers: readonly WireWorker[];
  /** With jobs that are not settled, oldest first. */
  readonly groups: readonly WireGroup[];
  /** Newest first, one for each job. */
  readonly failures: readonly Failure[];
  readonly nowMs: number;
  /** Since the server was last heard of; null while it answers. */
  readonly silentMs: number | null;
};

/** What went wrong with a job, and whether it is tried again. */
export type Failure = {
  readonly seq: number;
  readonly id: string;
  readonly key: string;
  readonly type: string | null;
  readonly group: string | null;
  readonly at: string;
  readonly worker: string | null;
  readonly info: string | null;
  readonly isFinal: boolean;
};

const failing: ReadonlySet<ChangeName> = new Set([
  "failed",
  "timed_out",
  "lost",
  "expired",
  "damaged",
]);

/** Null for news of another kind. */
export function failureOfEvent(event: WireEvent): Failure | null {
  if (!failing.has(event.change)) return null;
  const { job: seq, id, key, type, group, at, worker, info, change, status } = event;
  return {
    seq,
    id,
    key,
    type,
    group,
    at,
    worker: worker?.name ?? null,
    info: info ?? change.replace("_", " "),
    isFinal: status === "failed",
  };
}

export function failureOfJob(job: WireJob): Failure {
  const { seq, id, key, type, group, worker, info, reason } = job;
  const at = job.ended ?? job.submitted;
  const about = { seq, id, key, type, group, at };
  return { ...about, worker: worker?.name ?? null, info: info ?? reason, isFinal: true };
}

export function newestFirst(failures: Iterable<Failure>): readonly Failure[] {
  return [...failures].toSorted((a, b) => millisecondsOf(b.at) - millisecondsOf(a.at));
}

export function isOpenGroup({ jobs }: WireGroup): boolean {
  return jobs.pending + jobs.running > 0;
}

/** What --json prints. */
export function toTopJson({ url, stats, workers, groups, failures }: TopState) {
  return {
    url,
    stats,
    workers,
    groups,
    failures: failures.map(({ isFinal, ...failure }) => ({ ...failure, is_final: isFinal })),
  };
}
