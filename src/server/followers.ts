// Answers that go on: events as they happen, logs as they come. What is told next is made only when its reader
// has taken what was told before, so that a slow reader costs one piece of text; one that stops reading is cut off
// and may come back. Each ends when its reader has gone and when the server stops.

import { GridError } from "../domain/errors.ts";
import { followerCountMax } from "../domain/limits-server.ts";
import type { Log } from "../platform/log.ts";
import type { Floor, Transfer } from "./floor.ts";
import type { Patience, Timers } from "./patience.ts";

/** Tells piece by piece; ends soon after `stop` fires. */
export type Tell = (stop: AbortSignal) => AsyncGenerator<string, void, undefined>;

export type Followers = {
  /** An answer of the kind `contentType`; `overloaded` when too many are open. */
  send(request: Request, server: Timers, contentType: string, tell: Tell): Response;
};

export type FollowerDeps = {
  readonly stopping: AbortSignal;
  readonly patience: Patience;
  readonly floor: Floor;
  readonly log: Log;
};

export function createFollowers(deps: FollowerDeps): Followers {
  let openCount = 0;
  return {
    send(request, server, contentType, tell) {
      const headers = {
        "Content-Type": contentType,
        "X-Accel-Buffering": "no", // A proxy that gathers before it passes on would hold events back.
      };
      if (request.method === "HEAD") return new Response(null, { headers });
      if (openCount >= followerCountMax) throw tooMany();
      openCount += 1;
      deps.patience.lift(request, server);
      const onEnd = () => {
        openCount -= 1;
        deps.patience.extend(request, server); // For what is still on its way to the reader.
      };
      return new Response(follow(deps, request.signal, tell, onEnd), { headers });
    },
  };
}

function follow(
  { stopping, floor, log }: FollowerDeps,
  gone: AbortSignal,
  tell: Tell,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const stop = new AbortController();
  const source = tell(stop.signal);
  const encoder = new TextEncoder();
  let untaken: Transfer | null = null;
  let isEnded = false;
  let fail: (error: Error) => void = () => {};

  const end = () => {
    if (isEnded) return;
    isEnded = true;
    stop.abort();
    taken();
    stopping.removeEventListener("abort", onStopping);
    gone.removeEventListener("abort", end);
    // Also one that was never begun is over now, and what it holds is given back.
    source.return().catch((error: unknown) => log.error("follower.failed", error));
    onEnd();
  };
  const taken = () => {
    untaken?.end();
    untaken = null;
  };
  const cutOff = () => {
    end();
    fail(new Error("The reader does not read.")); // Bun then resets the connection.
  };
  // Who waits for news is told the end in order; who does not read would never see it.
  const onStopping = () => (untaken === null ? stop.abort() : cutOff());
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        fail = (error) => controller.error(error);
        stopping.addEventListener("abort", onStopping);
        gone.addEventListener("abort", end);
        if (stopping.aborted || gone.aborted) end();
      },
      async pull(controller) {
        taken();
        try {
          const next = await source.next();
          if (isEnded) return;
          if (next.done !== true) {
            controller.enqueue(encoder.encode(next.value));
            untaken = floor.watch(cutOff);
            return;
          }
          end();
          controller.close();
        } catch (error) {
          end();
          log.error("follower.failed", error);
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

function tooMany(): GridError {
  return new GridError(
    "overloaded",
    `${followerCountMax} requests follow events or logs already. Ask again later, or close some.`,
  );
}
