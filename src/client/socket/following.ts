// News of jobs or of a group, one after the other, for a loop. It outlives links: on a new one the server tells again
// how things stand, and what was told already is left out.

import type { FailReason, Status } from "../../domain/job.ts";
import { frameHeaderBytesMax } from "../../domain/limits.ts";
import type {
  ChangedMessage,
  ClientHears,
  RefusedMessage,
  SettledMessage,
} from "../../protocol/client-messages.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import type { WireProgress, WireWorkerRef } from "../../protocol/http-api.ts";
import type { JobName } from "../address.ts";
import { ClientError } from "../client-error.ts";
import type { CallOptions } from "../jobs.ts";
import {
  clientFollowCountMax,
  clientNewsBytesMax,
  clientNewsCountMax,
  clientToldCountMax,
} from "../limits.ts";
import { toError } from "./told.ts";

export type Watched = { readonly jobs: readonly JobName[] } | { readonly group: string };

export type WatchOptions = CallOptions & {
  /** `false`: only how jobs end. */
  readonly changes?: boolean;
  /** The results of jobs that are done come along. `"small"`: only those that need no request of their own. */
  readonly withResult?: boolean | "small";
  readonly progress?: boolean;
};

type About = {
  readonly id: string;
  readonly key: string;
  readonly seq: number;
  readonly attempt: number;
};

export type WatchNews =
  | (About & {
      readonly kind: "changed";
      readonly status: Status;
      readonly worker: WireWorkerRef | null;
      readonly progress: WireProgress | null;
    })
  | (About & {
      readonly kind: "settled";
      readonly status: "done" | "failed" | "cancelled";
      readonly reason: FailReason | null;
      readonly info: string | null;
      /** Of the result; null when there is none. */
      readonly size: number | null;
      readonly sha256: string | null;
      readonly contentType: string | null;
      /** The result, where it was asked for, there is one, and it is not too large for what was asked. */
      readonly bytes: Uint8Array | null;
    })
  /** There is no such job. */
  | { readonly kind: "refused"; readonly job: JobName; readonly error: ClientError }
  /** What stood when it began has been told. Comes again after each interruption. */
  | { readonly kind: "watching" };

/** As it came; `body` is null when it is to be fetched. */
export type RawNews =
  | { readonly kind: "changed"; readonly said: ChangedMessage }
  | {
      readonly kind: "settled";
      readonly said: SettledMessage;
      readonly body: Uint8Array | null;
    }
  | Extract<WatchNews, { readonly kind: "refused" | "watching" }>;

export type Following = {
  /** Says on a new link what is to be followed. */
  onWelcome(): void;
  hear(said: ClientHears, body: Uint8Array): void;
  fail(error: unknown): void;
  /** The next news; null at the end. */
  next(): Promise<RawNews | null>;
  /** Tells the server that nobody listens any more. */
  end(): void;
};

export type FollowingDeps = {
  readonly nextId: () => number;
  readonly send: (header: MessageHeader) => void;
  /** Whether messages under this number are for it. */
  readonly claim: (id: number) => void;
};

export function createFollowing(
  { nextId, send, claim }: FollowingDeps,
  watched: Watched,
  { changes = true, withResult = false, progress = false }: WatchOptions,
): Following {
  const wish = { changes, with_result: withResult !== false, progress };
  const names = "jobs" in watched ? new Map(watched.jobs.map((job) => [String(job), job])) : null;
  const told = new Map<number, string>();
  let ids = new Set<number>();
  let beginningCount = 0;
  const news = createQueue<RawNews>();
  let newsBytes = 0;
  let failure: { readonly error: unknown } | null = null;
  let wake = () => {};

  const push = (item: RawNews) => {
    if (news.count() >= clientNewsCountMax) {
      const sentence = `${clientNewsCountMax} news of a watch were not read. Read faster, or follow less.`;
      return fail(new ClientError("overloaded", sentence));
    }
    news.push(item);
    wake();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    wake();
  };
  /** Each state once, whichever link tells it. */
  const isNew = (seq: number, state: string): boolean => {
    if (told.get(seq) === state) return false;
    told.delete(seq);
    told.set(seq, state);
    const [oldest] = told.keys();
    if (told.size > clientToldCountMax && oldest !== undefined) told.delete(oldest);
    return true;
  };
  const settled = (said: SettledMessage, body: Uint8Array) => {
    const isTold = isNew(said.seq, `${said.status} ${said.attempt}`);
    for (const name of [said.key, said.job, String(said.seq)]) names?.delete(name);
    if (names !== null) told.delete(said.seq);
    if (!isTold) return;
    const isHere = said.url === undefined && newsBytes + body.length <= clientNewsBytesMax;
    if (isHere) newsBytes += body.length;
    push({ kind: "settled", said, body: isHere ? body.slice() : null });
  };
  const changed = (said: ChangedMessage) => {
    const { percent = null, info = null } = said.progress ?? {};
    const state = `${said.status} ${said.attempt} ${percent} ${info}`;
    if (isNew(said.seq, state)) push({ kind: "changed", said });
  };
  const refused = (said: RefusedMessage) => {
    const error = toError(said);
    const { job } = said;
    if (job === undefined) return fail(error);
    const name = names?.get(String(job)) ?? job;
    if (names?.delete(String(job)) === true) push({ kind: "refused", job: name, error });
  };

  return {
    onWelcome() {
      ids = new Set();
      const parts = names === null ? [watched] : inParts([...names.values()]);
      beginningCount = parts.length;
      for (const part of parts) {
        const id = nextId();
        ids.add(id);
        claim(id);
        send({ op: "watch", id, ...part, ...wish });
      }
    },
    hear(said, body) {
      if (!("re" in said) || said.re === undefined || !ids.has(said.re)) return;
      switch (said.op) {
        case "changed":
          return changed(said);
        case "settled":
          return settled(said, body);
        case "refused":
          return refused(said);
        case "watching":
          beginningCount -= 1;
          if (beginningCount === 0) push({ kind: "watching" });
          return;
        default:
          return; // Nothing else is about a watch.
      }
    },
    fail,
    async next() {
      for (;;) {
        const item = news.take();
        if (item !== null) {
          if (item.kind === "settled") newsBytes -= item.body?.length ?? 0;
          return item;
        }
        if (failure !== null) throw failure.error;
        if (names?.size === 0) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    end() {
      for (const id of ids) send({ op: "unwatch", id });
    },
  };
}

/** What fits into one header each. */
function inParts(names: readonly JobName[]): readonly { readonly jobs: readonly JobName[] }[] {
  const parts: { readonly jobs: JobName[] }[] = [];
  let room = 0;
  for (const name of names) {
    const size = String(name).length * bytesPerCharacterMax + quotesBytes;
    if (size > room || parts.at(-1)?.jobs.length === clientFollowCountMax) {
      parts.push({ jobs: [] });
      room = namesBytesMax;
    }
    parts.at(-1)?.jobs.push(name);
    room -= size;
  }
  return parts;
}

/** Half of what a header may have. A character of a key, written in JSON, takes at most six bytes. */
const namesBytesMax = frameHeaderBytesMax / 2;
const bytesPerCharacterMax = 6;
const quotesBytes = 3;

/** First in, first out, without moving the rest for each. */
function createQueue<T>() {
  let items: T[] = [];
  let start = 0;
  return {
    count: () => items.length - start,
    push: (item: T) => void items.push(item),
    take(): T | null {
      const item = items[start];
      if (item === undefined) return null;
      start += 1;
      if (start * 2 > items.length) {
        items = items.slice(start);
        start = 0;
      }
      return item;
    },
  };
}
