// Submissions on their way: those that wait for room, and those that are sent and not answered. What a broken link
// leaves unanswered is sent again on the next one: each has a key, so that it does not become two jobs.

import type {
  RefusedMessage,
  SubmittedMessage,
  WelcomeMessage,
} from "../../protocol/client-messages.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import { clientRetryCountMax } from "../limits.ts";
import { isPassing, jitterMs } from "../retry.ts";
import type { Runtime } from "../runtime.ts";
import { toError } from "./told.ts";

/** Of the two calls one is made, once, unless it is dropped before. */
export type Outgoing = {
  /** Options in the names of the API, with the key. */
  readonly options: { readonly [name: string]: unknown };
  readonly body: Uint8Array;
  /** Whether the server is to tell the result as well. */
  readonly isRun: boolean;
  readonly onSubmitted: (said: SubmittedMessage) => void;
  readonly onFailed: (error: unknown) => void;
};

export type Outbox = {
  /** Answers with the function that drops it: nothing of it is told from then on. */
  add(outgoing: Outgoing): () => void;
  onWelcome(welcome: WelcomeMessage): void;
  /** Sends what there is room for. */
  pump(): void;
  /** The two are true when the message was about one of these. */
  submitted(said: SubmittedMessage): boolean;
  refused(said: RefusedMessage): boolean;
  failAll(error: unknown): void;
  isEmpty(): boolean;
};

export type OutboxDeps = {
  readonly runtime: Runtime;
  readonly nextId: () => number;
  readonly isUp: () => boolean;
  readonly send: (header: MessageHeader, body?: Uint8Array) => void;
  /** Jobs whose end is waited for already. */
  readonly awaitedCount: () => number;
};

type Item = Outgoing & { readonly id: number; tries: number; isDropped: boolean };

export function createOutbox(deps: OutboxDeps): Outbox {
  const { runtime, nextId, isUp, send, awaitedCount } = deps;
  let waiting = new Map<number, Item>();
  let sent = new Map<number, Item>();
  let resting = new Set<Item>();
  let sentBytes = 0;
  let sentRunCount = 0;
  let limits = { submits: 1, bytes: 1, watches: 1 };

  const hasRoom = ({ body, isRun }: Item) => {
    if (isRun && awaitedCount() + sentRunCount >= limits.watches) return false;
    return (
      sent.size === 0 || (sent.size < limits.submits && sentBytes + body.length <= limits.bytes)
    );
  };
  const pump = () => {
    if (!isUp()) return;
    for (const item of waiting.values()) {
      if (!hasRoom(item)) return;
      waiting.delete(item.id);
      sent.set(item.id, item);
      sentBytes += item.body.length;
      if (item.isRun) sentRunCount += 1;
      const { id, options, isRun } = item;
      const wish = isRun ? { with_result: true, changes: false } : {};
      send({ op: "submit", id, ...options, ...wish } as MessageHeader, item.body); // Words and numbers.
    }
  };
  const take = (re: number | undefined): Item | null => {
    const item = re === undefined ? undefined : sent.get(re);
    if (item === undefined) return null;
    sent.delete(item.id);
    sentBytes -= item.body.length;
    if (item.isRun) sentRunCount -= 1;
    return item;
  };
  const sendLater = (item: Item) => {
    resting.add(item);
    runtime.after(jitterMs(item.tries, runtime.fraction()), () => {
      if (!resting.delete(item) || item.isDropped) return;
      waiting.set(item.id, item);
      pump();
    });
  };

  return {
    add(outgoing) {
      const item = { ...outgoing, id: nextId(), tries: 0, isDropped: false };
      waiting.set(item.id, item);
      pump();
      return () => {
        item.isDropped = true;
        waiting.delete(item.id);
        resting.delete(item);
      };
    },
    onWelcome(welcome) {
      limits = {
        submits: welcome.submit_count_max,
        bytes: welcome.submit_bytes_max,
        watches: welcome.watch_count_max,
      };
      waiting = new Map([...sent, ...waiting]);
      for (const item of sent.values()) if (item.isDropped) waiting.delete(item.id);
      sent = new Map();
      sentBytes = 0;
      sentRunCount = 0;
    },
    pump,
    submitted(said) {
      const item = take(said.re);
      if (item === null) return false;
      if (!item.isDropped) item.onSubmitted(said);
      else if (item.isRun) send({ op: "unwatch", id: item.id });
      pump();
      return true;
    },
    refused(said) {
      const item = take(said.re);
      if (item === null) return false;
      const error = toError(said);
      item.tries += 1;
      if (isPassing(error) && item.tries <= clientRetryCountMax) sendLater(item);
      else if (!item.isDropped) item.onFailed(error);
      pump();
      return true;
    },
    failAll(error) {
      const all = [...sent.values(), ...waiting.values(), ...resting];
      waiting = new Map();
      sent = new Map();
      resting = new Set();
      sentBytes = 0;
      sentRunCount = 0;
      for (const item of all) if (!item.isDropped) item.onFailed(error);
    },
    isEmpty: () => waiting.size + sent.size + resting.size === 0,
  };
}
