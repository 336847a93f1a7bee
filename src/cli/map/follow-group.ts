// Tells when jobs of a group start and settle, from the feed of events; where events were missed it looks at the jobs
// that are still awaited.

import type { Client, WireEvent, WireJob } from "../../client/index.ts";

/** How a job stands, as far as a map cares. */
export type JobNews = {
  readonly key: string;
  readonly status: "running" | "done" | "failed" | "cancelled";
  readonly atMs: number;
  readonly worker: string | null;
  readonly info: string | null;
};

export type FollowDeps = {
  readonly client: Pick<Client, "events" | "get">;
  readonly group: string;
  readonly signal: AbortSignal;
  readonly onNews: (news: JobNews) => void;
  /** The keys of jobs that are submitted and not settled. */
  readonly awaited: () => Iterable<string>;
};

export type Following = {
  /** Resolves when whatever happens from then on will be told. */
  readonly opened: Promise<void>;
  /** Rejects when the feed fails; resolves after the signal fired. */
  readonly ended: Promise<void>;
};

export function followGroup(deps: FollowDeps): Following {
  const { promise: opened, resolve } = Promise.withResolvers<void>();
  const ended = follow(deps, resolve);
  return { opened: Promise.race([opened, ended]), ended };
}

async function follow(deps: FollowDeps, onOpen: () => void): Promise<void> {
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

async function lookAnew({ client, signal, awaited, onNews }: FollowDeps): Promise<void> {
  // A copy: what is told takes keys away.
  for (const key of Array.from(awaited())) {
    const job = await client.get(key, { signal });
    const news = fromJob(job);
    if (news !== null) onNews(news);
  }
}

function fromEvent({ key, status, at, worker, info }: WireEvent): JobNews | null {
  if (status === "pending") return null;
  return { key, status, atMs: toMs(at), worker: worker?.name ?? null, info };
}

function fromJob({ key, status, started, ended, worker, info }: WireJob): JobNews | null {
  if (status === "pending") return null;
  const at = ended ?? started;
  return { key, status, atMs: at === null ? 0 : toMs(at), worker: worker?.name ?? null, info };
}

function toMs(instant: string): number {
  return Temporal.Instant.from(instant).epochMilliseconds;
}
