// News as the feed carries them: a change and the job as it then is, where only what matters is stated.

import type { News } from "../../src/broker/feed.ts";
import type { ChangeName } from "../../src/domain/event.ts";
import type { Instant, Status, WorkerRef } from "../../src/domain/job.ts";
import { aJob, aWorker, now } from "./a-job.ts";

const statusAfter: { readonly [Each in ChangeName]: Status } = {
  submitted: "pending",
  claimed: "running",
  completed: "done",
  failed: "pending",
  timed_out: "pending",
  lost: "pending",
  not_delivered: "pending",
  released: "pending",
  cancelled: "cancelled",
  retried: "pending",
  expired: "failed",
  held: "pending",
  unheld: "pending",
  damaged: "failed",
  deleted: "pending",
  reopened: "running",
};

type GivenNews = {
  readonly seq?: number;
  readonly at?: Instant;
  readonly worker?: WorkerRef | null;
};

export function someNews(
  change: ChangeName,
  { seq = 1, at = now, worker = aWorker("a") }: GivenNews = {},
): News {
  const status = statusAfter[change];
  const info = null;
  const event = { at, change, status, attempt: 1, worker, reason: null, info };
  return { job: aJob(status, { seq }), event, successor: null };
}
