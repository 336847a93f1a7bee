// The feed of all that happens, without gaps: when the connection breaks it goes on behind the last event that came.
// Where the server no longer has what follows, it says so once, and the reader looks at the whole anew.

import { clientStallMsMax } from "./limits.ts";
import type { WireEvent } from "../protocol/http-api.ts";
import { ClientError, wordsOf } from "./client-error.ts";
import type { CallOptions } from "./jobs.ts";
import { isObject, parseJson, stranger } from "./read-answer.ts";
import type { Transport } from "./request.ts";
import { retryDelayMs } from "./retry.ts";
import { never, sleep } from "./runtime.ts";
import { createSseParser, type SseEvent } from "./sse.ts";

export type EventsOptions = CallOptions & {
  /** The id of the last event that was seen; left out: from now on. */
  readonly after?: string;
  /** Only of the jobs of this group. */
  readonly group?: string;
  /** Told each time the feed stands: what happens from then on will come. */
  readonly onOpen?: () => void;
};

/** `id` is what `after` takes. A reset says that events were missed: what is known of jobs may be out of date. */
export type FeedItem =
  | { readonly kind: "event"; readonly id: string; readonly event: WireEvent }
  | { readonly kind: "reset"; readonly id: string | null };

/** Goes on until the signal fires, the caller stops reading, or the server stays away. */
export async function* readEvents(
  transport: Transport,
  { after, group, onOpen, signal }: EventsOptions,
): AsyncGenerator<FeedItem, void, undefined> {
  const { runtime } = transport;
  let lastId = after ?? null;
  let lastSeq = -1;
  let tries = 0;
  for (;;) {
    const parser = createSseParser();
    let connection: Connection | null = null;
    let failure: ClientError;
    try {
      connection = await connect(transport, lastId, group, signal);
      onOpen?.();
      for (;;) {
        const text = await connection.next();
        tries = 0;
        for (const read of parser.push(text)) {
          const item = toItem(read);
          if (item === null) continue;
          lastId = item.id;
          if (item.kind === "event" && item.event.seq <= lastSeq) continue; // Sent once more.
          lastSeq = item.kind === "event" ? item.event.seq : -1;
          yield item;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      failure = error instanceof ClientError ? error : brokenOff(error);
    } finally {
      connection?.close();
    }
    lastId = parser.lastId() ?? lastId; // Also that of a greeting, before anything has happened.
    tries += 1;
    const delayMs = retryDelayMs(failure, tries, runtime.fraction());
    if (delayMs === null) throw failure;
    await sleep(runtime, Math.max(delayMs, parser.retryMs() ?? 0), signal ?? never);
  }
}

type Connection = {
  /** Throws when the connection has ended. */
  next(): Promise<string>;
  close(): void;
};

async function connect(
  transport: Transport,
  lastId: string | null,
  group: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const headers = {
    accept: "text/event-stream",
    ...(lastId === null ? {} : { "last-event-id": lastId }),
  };
  const path = ["events"];
  const query = { group };
  const call = { method: "GET", path, query, headers, isRepeatable: true, signal } as const;
  const { answer, leash } = await transport.open(call);
  const type = answer.headers.get("content-type") ?? "";
  if (answer.body === null || !type.startsWith("text/event-stream")) {
    leash.cut();
    throw stranger(answer);
  }
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  return {
    async next() {
      leash.limit(clientStallMsMax);
      const { done, value } = await reader.read();
      leash.limit(null);
      if (done) throw brokenOff("it ended");
      return decoder.decode(value, { stream: true });
    },
    close: () => leash.cut(),
  };
}

/** Null for what this client does not know. */
function toItem({ name, data, id }: SseEvent): FeedItem | null {
  if (name === "reset") return { kind: "reset", id };
  const event = parseJson(data);
  if (!isObject(event) || typeof event.seq !== "number" || typeof event.job !== "number")
    return null;
  return { kind: "event", id: id ?? String(event.seq), event: event as unknown as WireEvent }; // Its marks are there.
}

function brokenOff(error: unknown): ClientError {
  return new ClientError("unreachable", `The feed broke off: ${wordsOf(error)}.`, { cause: error });
}
