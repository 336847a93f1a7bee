// Jobs that are kept by the server and whose end somebody waits for. On the link on which a job was submitted the
// server tells its end by itself; on a later one, and for jobs that came another way, it is asked by the job's id.

import type { RefusedMessage, SettledMessage } from "../../protocol/client-messages.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import { clientFollowCountMax, clientRetryCountMax } from "../limits.ts";
import { isPassing, jitterMs } from "../retry.ts";
import type { Runtime } from "../runtime.ts";
import { toError } from "./told.ts";

/** Of the two calls one is made, once, unless it is dropped before. */
export type Waiter = {
  readonly onSettled: (said: SettledMessage, body: Uint8Array) => void;
  readonly onFailed: (error: unknown) => void;
};

export type Awaited = {
  /** The job of a submission that was just answered under `re`. Both answer with the function that drops it. */
  keep(re: number, job: string, waiter: Waiter): () => void;
  follow(job: string, waiter: Waiter): () => void;
  count(): number;
  onWelcome(): void;
  /** The two are true when the message was about one of these. */
  settled(said: SettledMessage, body: Uint8Array): boolean;
  refused(said: RefusedMessage): boolean;
  failAll(error: unknown): void;
};

export type AwaitedDeps = {
  readonly runtime: Runtime;
  readonly nextId: () => number;
  readonly isUp: () => boolean;
  readonly send: (header: MessageHeader, body?: Uint8Array) => void;
};

type Item = Waiter & { readonly job: string };
/** One question about many jobs. */
type Question = { readonly items: Map<string, Item[]>; readonly tries: number };

export function createAwaited({ runtime, nextId, isUp, send }: AwaitedDeps): Awaited {
  let bySubmission = new Map<number, Item>();
  let questions = new Map<number, Question>();
  let unasked: Item[] = [];
  const dropped = new WeakSet<Item>();
  let count = 0;
  let isArmed = false;

  /** At the end of the turn: many may come at once. */
  const askSoon = () => {
    if (isArmed) return;
    isArmed = true;
    runtime.soon(() => {
      isArmed = false;
      ask();
    });
  };
  const ask = () => {
    if (!isUp()) return;
    const items = unasked.filter((item) => !dropped.has(item));
    unasked = [];
    for (let at = 0; at < items.length; at += clientFollowCountMax) {
      askAbout(byJob(items.slice(at, at + clientFollowCountMax)), 0);
    }
  };
  const askAbout = (items: Map<string, Item[]>, tries: number) => {
    const id = nextId();
    questions.set(id, { items, tries });
    send({ op: "watch", id, jobs: [...items.keys()], changes: false, with_result: true });
  };
  const add = (item: Item) => {
    count += 1;
    return () => {
      if (dropped.has(item)) return;
      dropped.add(item);
      count -= 1;
    };
  };
  const finish = (item: Item, call: () => void) => {
    if (dropped.has(item)) return;
    dropped.add(item);
    count -= 1;
    call();
  };
  /** Takes those out that a message about one job of a question is for. */
  const takeAsked = (re: number, job: string): readonly Item[] => {
    const question = questions.get(re);
    const items = question?.items.get(job) ?? [];
    question?.items.delete(job);
    if (question?.items.size === 0) questions.delete(re);
    return items;
  };
  const all = () => [
    ...bySubmission.values(),
    ...[...questions.values()].flatMap(({ items }) => [...items.values()].flat()),
    ...unasked,
  ];
  const askAgain = (re: number, { items, tries }: Question, said: RefusedMessage) => {
    questions.delete(re);
    const error = toError(said);
    if (!isPassing(error) || tries >= clientRetryCountMax) {
      for (const item of [...items.values()].flat()) finish(item, () => item.onFailed(error));
      return;
    }
    // Until then it is kept as a question that nobody was asked: a new link asks it anew.
    const mark = nextId();
    questions.set(mark, { items, tries });
    runtime.after(jitterMs(tries + 1, runtime.fraction()), () => {
      if (questions.delete(mark)) askAbout(items, tries + 1);
    });
  };

  return {
    keep(re, job, waiter) {
      const item = { ...waiter, job };
      bySubmission.set(re, item);
      const drop = add(item);
      return () => {
        drop();
        if (bySubmission.delete(re)) send({ op: "unwatch", id: re });
      };
    },
    follow(job, waiter) {
      const item = { ...waiter, job };
      unasked.push(item);
      askSoon();
      return add(item);
    },
    count: () => count,
    onWelcome() {
      unasked = all();
      bySubmission = new Map();
      questions = new Map();
      ask();
    },
    settled(said, body) {
      const item = bySubmission.get(said.re);
      if (item === undefined) {
        const items = takeAsked(said.re, said.job);
        for (const one of items) finish(one, () => one.onSettled(said, body));
        return items.length > 0;
      }
      bySubmission.delete(said.re);
      finish(item, () => item.onSettled(said, body));
      return true;
    },
    refused(said) {
      if (said.re === undefined) return false;
      const item = bySubmission.get(said.re);
      const error = toError(said);
      if (item !== undefined) {
        bySubmission.delete(said.re);
        finish(item, () => item.onFailed(error));
        return true;
      }
      const question = questions.get(said.re);
      if (question === undefined) return false;
      if (said.job === undefined) askAgain(said.re, question, said);
      else {
        for (const one of takeAsked(said.re, String(said.job))) {
          finish(one, () => one.onFailed(error));
        }
      }
      return true;
    },
    failAll(error) {
      const items = all();
      bySubmission = new Map();
      questions = new Map();
      unasked = [];
      for (const item of items) finish(item, () => item.onFailed(error));
    },
  };
}

function byJob(items: readonly Item[]): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of items) {
    const others = found.get(item.job);
    if (others === undefined) found.set(item.job, [item]);
    else others.push(item);
  }
  return found;
}
