// Tells when jobs of a group start and settle, from the feed of events; where events were missed it looks at the jobs
// that are still awaited. For servers that can be reached by plain HTTP alone.

import type { Client, WireEvent, WireJob } from "../../client/index.ts";
import type { JobNews } from "./job-news.ts";

export type FollowFeedDeps = {
  readonly client: Pick<Client, "events" | "get">;
  readonly group: string;
  readonly signal: AbortSignal;
  readonly onNews: (news: JobNews) => void;
  /** The keys of jobs that are submitted and not settled. */
  readonly awaited: () => Iterable<string>;
};

/** `onOpen`: whatever happens from then on will be told. Rejects when the feed fails; resolves after the signal fired. */
export async function followFeed(deps: FollowFeedDeps, onOpen: () => void): Promise<void> {
  const { client, group, signal, onNews } = deps;
  try {
    for await (const item of client.events({ group, signal, onOpen })) {
      if (item.kind === "reset") await lookAnew(deps);
      else {
        const news = fromEvent(item.event);
        if (news !== null) onNews(news);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function lookAnew({ client, signal, awaited, onNews }: FollowFeedDeps): Promise<void> {
  // A copy: what is told takes keys away.
  for (const key of Array.from(awaited())) {
    const job = await client.get(key, { signal });
    const news = fromJob(job);
    if (news !== null) onNews(news);
  }
}

function fromEvent({ key, status, at, worker, info }: WireEvent): JobNews | null {
  if (status === "pending") return null;
  return { key, status, atMs: toMs(at), worker: worker?.name ?? null, info, result: null };
}

function fromJob({ key, status, started, ended, worker, info }: WireJob): JobNews | null {
  if (status === "pending") return null;
  const at = ended ?? started;
  const atMs = at === null ? 0 : toMs(at);
  return { key, status, atMs, worker: worker?.name ?? null, info, result: null };
}

function toMs(instant: string): number {
  return Temporal.Instant.from(instant).epochMilliseconds;
}
