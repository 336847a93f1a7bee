// Tells when jobs of a group start and settle. Begins with the feed of events, which everything on the way to a server
// lets through, and goes over to a connection once one stands: that one brings small results along.

import { followFeed, type FollowFeedDeps } from "./follow-feed.ts";
import { followSocket, type FollowSocketDeps } from "./follow-socket.ts";

export type FollowDeps = FollowFeedDeps &
  FollowSocketDeps & {
    /** False where a WebSocket would not be as safe as the requests are. */
    readonly usesSocket: boolean;
  };

export type Following = {
  /** Resolves when whatever happens from then on will be told. Some of it may be told twice. */
  readonly opened: Promise<void>;
  /** Rejects when the server is gone; resolves after the signal fired. */
  readonly ended: Promise<void>;
};

export function followGroup(deps: FollowDeps): Following {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const feedStop = new AbortController();
  const feed = followFeed(
    { ...deps, signal: AbortSignal.any([deps.signal, feedStop.signal]) },
    open,
  );
  if (!deps.usesSocket) return { opened: Promise.race([opened, feed]), ended: feed };
  let isSocketUp = false;
  const socket = followSocket(deps, () => {
    isSocketUp = true;
    feedStop.abort();
    open();
  }).catch((error: unknown) => {
    if (isSocketUp) throw error;
    return feed; // Something on the way lets no WebSocket through.
  });
  const ended = Promise.all([feed, socket]).then(() => {});
  return { opened: Promise.race([opened, ended]), ended };
}
