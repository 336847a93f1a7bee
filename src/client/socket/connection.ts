// A connection for programs that submit much, or want results the moment they exist. What is small travels over one
// WebSocket, what is large by requests of its own; a broken link is made anew, and nothing is done twice.

import type { FailReason } from "../../domain/job.ts";
import type { ClientHears } from "../../protocol/client-messages.ts";
import type { Payload } from "../payload.ts";
import type { Transport } from "../request.ts";
import type { JobResult } from "../results.ts";
import type { SubmitOptions, Submitted } from "../submit.ts";
import { createAwaited } from "./awaited.ts";
import { createEndings, type Endings } from "./endings.ts";
import {
  createFollowing,
  type Following,
  type RawNews,
  type Watched,
  type WatchNews,
  type WatchOptions,
} from "./following.ts";
import { createLine, type Line } from "./line.ts";
import type { LinkAddress } from "./link.ts";
import { createOutbox } from "./outbox.ts";
import { createRunning } from "./running.ts";

export type Connection = {
  /** Adds a job, as `client.submit` does. */
  submit(payload: Payload, options?: SubmitOptions): Promise<Submitted>;
  /**
   * Adds a job and waits for its result, in one go. What concerns this job alone, such as its failure or the
   * refusal of its submission, is the result; everything else is thrown.
   */
  run(payload: Payload, options?: SubmitOptions): Promise<JobResult>;
  /** How jobs stand, and what happens to them: until all named jobs are settled; for a group, until it is left. */
  watch(watched: Watched, options?: WatchOptions): AsyncGenerator<WatchNews, void, undefined>;
  /** What is under way fails. Resolves when the socket is closed; until then it keeps a program running. */
  close(): Promise<void>;
};

export function createConnection(transport: Transport, address: LinkAddress): Connection {
  const { runtime } = transport;
  const endings = createEndings(transport);
  const followings = new Set<Following>();
  const followingsById = new Map<number, Following>();
  let lastId = 0;
  let isClosed = false;

  const onLine = {
    runtime,
    nextId: () => (lastId += 1),
    isUp: () => line.isUp(),
    send: (...message: Parameters<Line["send"]>) => line.send(...message),
  };
  const awaited = createAwaited(onLine);
  const outbox = createOutbox({ ...onLine, awaitedCount: awaited.count });
  const failAll = (error: unknown) => {
    outbox.failAll(error);
    awaited.failAll(error);
    for (const following of followings) following.fail(error);
  };
  const hear = (said: ClientHears, body: Uint8Array) => {
    const isTaken =
      (said.op === "submitted" && outbox.submitted(said)) ||
      (said.op === "settled" && awaited.settled(said, body)) ||
      (said.op === "refused" && (outbox.refused(said) || awaited.refused(said)));
    if (said.op === "settled") outbox.pump(); // There may be room for one more.
    if (isTaken || !("re" in said) || said.re === undefined) return;
    followingsById.get(said.re)?.hear(said, body);
  };
  const line = createLine(transport, address, {
    onWelcome(welcome) {
      outbox.onWelcome(welcome);
      awaited.onWelcome();
      followingsById.clear();
      for (const following of followings) following.onWelcome();
      outbox.pump();
    },
    onMessage: hear,
    isWanted: () => !outbox.isEmpty() || awaited.count() > 0 || followings.size > 0,
    onGivenUp: failAll,
  });
  const running = createRunning({ transport, outbox, awaited, endings, want: line.want });
  const requireOpen = (signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    if (isClosed) throw closedError();
  };

  line.want();
  return {
    async submit(payload, options = {}) {
      requireOpen(options.signal);
      return running.submit(payload, options);
    },
    async run(payload, options = {}) {
      requireOpen(options.signal);
      return running.run(payload, options);
    },
    async *watch(watched, options = {}) {
      requireOpen(options.signal);
      const claim = (id: number) => void followingsById.set(id, following);
      const following = createFollowing({ ...onLine, claim }, watched, options);
      const abort = () => following.fail(options.signal?.reason);
      options.signal?.addEventListener("abort", abort, { once: true });
      followings.add(following);
      try {
        if (line.isUp()) following.onWelcome();
        else line.want();
        for (let raw = await following.next(); raw !== null; raw = await following.next()) {
          yield await toNews(endings, raw, options);
        }
      } finally {
        options.signal?.removeEventListener("abort", abort);
        followings.delete(following);
        following.end();
      }
    },
    async close() {
      if (!isClosed) failAll(closedError());
      isClosed = true;
      await line.close();
    },
  };
}

async function toNews(
  endings: Endings,
  raw: RawNews,
  { withResult = false, signal }: WatchOptions,
): Promise<WatchNews> {
  if (raw.kind === "refused" || raw.kind === "watching") return raw;
  const { job: id, key, seq, attempt } = raw.said;
  const about = { id, key, seq, attempt };
  if (raw.kind === "changed") {
    const { status, worker, progress } = raw.said;
    return { kind: raw.kind, ...about, status, worker, progress };
  }
  const { status, info, size, sha256, content_type: contentType } = raw.said;
  const isHere = raw.body !== null && raw.said.url === undefined;
  const hasBytes = status === "done" && (withResult === "small" ? isHere : withResult);
  return {
    kind: raw.kind,
    ...about,
    status,
    reason: raw.said.reason as FailReason | null, // The server's word, from its closed list.
    info,
    size,
    sha256,
    contentType,
    bytes: hasBytes ? await endings.bytesOf(raw, signal) : null,
  };
}

/** What an aborted call throws: it was its caller who wanted no more. */
function closedError(): DOMException {
  return new DOMException("The connection was closed.", "AbortError");
}
