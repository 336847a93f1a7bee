// Tells when jobs of a group start and settle, over a connection, with small results at once. The connection is made
// anew when it breaks, and then tells again what stands.

import type { Client, WatchNews } from "../../client/index.ts";
import type { Clock } from "../../platform/clock.ts";
import type { JobNews } from "./job-news.ts";

export type FollowSocketDeps = {
  readonly client: Pick<Client, "connect">;
  readonly group: string;
  readonly signal: AbortSignal;
  readonly onNews: (news: JobNews) => void;
  /** Whether starts of jobs are told too. */
  readonly tellsStarts: boolean;
  readonly clock: Pick<Clock, "now">;
};

/** `onOpen`: whatever happens from then on will be told. Rejects when no server can be had; resolves after the signal. */
export async function followSocket(deps: FollowSocketDeps, onOpen: () => void): Promise<void> {
  const { client, group, signal, tellsStarts, onNews, clock } = deps;
  const connection = client.connect();
  try {
    const wish = { changes: tellsStarts, withResult: "small", signal } as const;
    for await (const item of connection.watch({ group }, wish)) {
      if (item.kind === "watching") onOpen();
      const news = toNews(item, clock.now());
      if (news !== null) onNews(news);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await connection.close();
  }
}

function toNews(item: WatchNews, atMs: number): JobNews | null {
  switch (item.kind) {
    case "changed": {
      if (item.status === "pending") return null;
      const worker = item.worker?.name ?? null;
      return { key: item.key, status: item.status, atMs, worker, info: null, result: null };
    }
    case "settled": {
      const { key, status, info, bytes, contentType } = item;
      const result = bytes === null ? null : { contentType, bytes };
      return { key, status, atMs, worker: null, info, result };
    }
    default:
      return null; // Of a group nobody is refused, and that all was told is no news of a job.
  }
}
