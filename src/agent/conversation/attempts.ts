// The attempts that a worker has in its hands, and what becomes of each: one record per attempt, changed in place
// because there may be thousands. What is to be done leaves through `emit`. Knows no link: `isTold` is asked.

import { unreachable } from "../../domain/assert.ts";
import {
  damagedDeliveryCountMax,
  deliverAgainMsFirst,
  deliverAgainMsMax,
} from "../../domain/limits-worker.ts";
import type { MessageHeader } from "../../protocol/frame.ts";
import type { HeldAttempt, HeldVerdict, ReceiptVerdict } from "../../protocol/worker-messages.ts";
import type { AttemptName, Effect, ReleaseWhy, StopWhy } from "./conversation-words.ts";

export type Attempt = AttemptName & {
  readonly token: string;
  state: "queued" | "running" | "finished" | "failed" | "released";
  /** Of a finished one. */
  sha256: string | null;
  size: number | null;
  /** Why it was asked to stop, while it runs. */
  stop: StopWhy | null;
  /** What a released one was given back for. */
  release: ReleaseWhy;
  /** The message under which its end was told on this link; null when it was not. */
  toldAs: number | null;
  tries: number;
  damagedCount: number;
  /** Whether it takes one of the places that the server gives jobs to. */
  isCounted: boolean;
};

export type AttemptsDeps = {
  readonly emit: (effect: Effect) => void;
  /** Whether ends of attempts may be told now. */
  readonly isTold: () => boolean;
};

export function createAttempts(restored: readonly HeldAttempt[], { emit, isTold }: AttemptsDeps) {
  const byName = new Map<string, Attempt>(
    restored.map((held) => [nameOf(held), { ...blank, ...held }]),
  );
  const namesById = new Map<number, string>();
  let lastId = 0;
  let outstandingCount = 0;

  const get = (name: AttemptName) => byName.get(nameOf(name)) ?? null;
  const send = (header: MessageHeader) => emit({ do: "send", header, body: noBytes });
  const uncount = (attempt: Attempt) => {
    if (attempt.isCounted) outstandingCount -= 1;
    attempt.isCounted = false;
  };
  const untell = (attempt: Attempt) => {
    if (attempt.toldAs !== null) namesById.delete(attempt.toldAs);
    attempt.toldAs = null;
  };
  const settle = (attempt: Attempt, state: Attempt["state"]) => {
    uncount(attempt);
    attempt.state = state;
  };
  const remove = (attempt: Attempt) => {
    uncount(attempt);
    untell(attempt);
    byName.delete(nameOf(attempt));
  };
  const tellEnded = ({ job, attempt }: AttemptName) => {
    if (isTold()) send({ op: "ended", job, attempt });
  };
  const nextId = (attempt: Attempt) => {
    lastId += 1;
    attempt.toldAs = lastId;
    namesById.set(lastId, nameOf(attempt));
    return lastId;
  };
  /** Tells how it ended, once per link. */
  const tell = (attempt: Attempt) => {
    if (!isTold() || attempt.toldAs !== null) return;
    const { state, job, attempt: n, token, release } = attempt;
    const id = nextId(attempt);
    if (state === "released") send({ op: "release", id, job, attempt: n, token, why: release });
    else emit({ do: "deliver", job, attempt: n, id });
  };
  const forget = (attempt: Attempt, verdict: ReceiptVerdict) => {
    const { state, job, attempt: n } = attempt;
    remove(attempt);
    if (state !== "released") emit({ do: "forget", job, attempt: n, verdict });
  };
  const giveBack = (attempt: Attempt, why: ReleaseWhy) => {
    const wasQueued = attempt.state === "queued";
    settle(attempt, "released");
    attempt.release = why;
    if (wasQueued) emit({ do: "drop", job: attempt.job, attempt: attempt.attempt });
    tell(attempt);
  };
  const stop = (attempt: Attempt, why: StopWhy) => {
    const isNews = attempt.stop !== why;
    attempt.stop = why;
    if (why === "abandoned") uncount(attempt);
    if (isNews) emit({ do: "stop", job: attempt.job, attempt: attempt.attempt, why });
  };
  /** A stopped one ended; or it never ran. */
  const leave = (attempt: Attempt, why: StopWhy | null) => {
    remove(attempt);
    if (why !== "abandoned") tellEnded(attempt);
  };
  const later = (attempt: Attempt, chance: number) => {
    const boundMs = Math.min(deliverAgainMsMax, deliverAgainMsFirst * 2 ** attempt.tries);
    attempt.tries += 1;
    const { job, attempt: n } = attempt;
    // Half of it is certain: the server just said that it needs time.
    emit({ do: "deliver-later", job, attempt: n, afterMs: boundMs * (0.5 + chance / 2) });
  };

  return {
    get,
    isEmpty: () => byName.size === 0,
    all: () => byName.values(),
    outstandingCount: () => outstandingCount,
    nameUnder: (id: number): AttemptName | null => {
      const name = namesById.get(id);
      return name === undefined ? null : (byName.get(name) ?? null);
    },
    /** The link is gone: what was told on it may not have been heard. */
    untellAll() {
      for (const attempt of byName.values()) untell(attempt);
    },
    hold(name: AttemptName, token: string): Attempt {
      const attempt: Attempt = { ...blank, ...plain(name), token, isCounted: true };
      byName.set(nameOf(name), attempt);
      outstandingCount += 1;
      return attempt;
    },
    tell,
    giveBack,
    tellEnded,
    /** What the server wants with it, told when a link was resumed. */
    judge(verdict: HeldVerdict) {
      const attempt = get(verdict);
      if (attempt === null || verdict.do === "continue" || verdict.do === "deliver") return;
      const why = verdict.do === "cancel" ? "cancelled" : "abandoned";
      const { state, job, attempt: n } = attempt;
      if (state === "running") return stop(attempt, why);
      if (state === "queued") emit({ do: "drop", job, attempt: n });
      if (state === "finished" || state === "failed") {
        emit({ do: "forget", job, attempt: n, verdict: "abandon" });
      }
      leave(attempt, why);
    },
    /** A cancel of the server's on a link that stands. */
    cancel(name: AttemptName, why: StopWhy) {
      const attempt = get(name);
      if (attempt === null) return tellEnded(name);
      switch (attempt.state) {
        case "queued":
          emit({ do: "drop", job: attempt.job, attempt: attempt.attempt });
          return leave(attempt, why);
        case "running":
          return stop(attempt, why);
        case "finished":
        case "failed":
        case "released":
          return; // Its end is under way; the receipt decides.
        default:
          return unreachable(attempt.state);
      }
    },
    started(name: AttemptName) {
      const attempt = get(name);
      if (attempt?.state === "queued") attempt.state = "running";
    },
    finished(name: AttemptName, sha256: string, size: number) {
      const attempt = get(name);
      if (attempt === null) return emit({ do: "forget", ...plain(name), verdict: "abandon" });
      if (attempt.stop !== null) {
        emit({ do: "forget", ...plain(name), verdict: "abandon" });
        return leave(attempt, attempt.stop);
      }
      settle(attempt, "finished");
      Object.assign(attempt, { sha256, size });
      tell(attempt);
    },
    failed(name: AttemptName) {
      const attempt = get(name);
      if (attempt === null || attempt.stop !== null) {
        emit({ do: "forget", ...plain(name), verdict: "abandon" });
        if (attempt !== null) leave(attempt, attempt.stop);
        return;
      }
      settle(attempt, "failed");
      Object.assign(attempt, { sha256: null, size: null, tries: 0 });
      untell(attempt);
      tell(attempt);
    },
    released(name: AttemptName, why: ReleaseWhy) {
      const attempt = get(name);
      if (attempt === null) return;
      if (attempt.stop === null) giveBack(attempt, why);
      else leave(attempt, attempt.stop);
    },
    ended(name: AttemptName) {
      const attempt = get(name);
      if (attempt === null) return;
      if (attempt.stop === null) giveBack(attempt, "preempted");
      else leave(attempt, attempt.stop);
    },
    gone(name: AttemptName) {
      const attempt = get(name);
      if (attempt !== null) leave(attempt, attempt.stop ?? "cancelled");
    },
    /** True when it was awaited. */
    receipt(name: AttemptName, verdict: ReceiptVerdict): boolean {
      const attempt = get(name);
      if (attempt === null || attempt.state === "queued" || attempt.state === "running") {
        return false;
      }
      forget(attempt, verdict);
      return true;
    },
    deliverAgain(name: AttemptName) {
      const attempt = get(name);
      if (attempt?.state !== "finished" && attempt?.state !== "failed") return;
      untell(attempt);
      tell(attempt);
    },
    /** What to do with an end that the server did not take. False when there is nothing to do. */
    undelivered(name: AttemptName, code: string, detail: string, chance: number): boolean {
      const attempt = get(name);
      if (attempt === null || attempt.state === "queued" || attempt.state === "running") {
        return false;
      }
      const fate = fateOf(attempt, code);
      if (fate === "again") later(attempt, chance);
      else if (fate === "fail") {
        const retryable = code !== "payload-too-large"; // The next result would be as large.
        const { token } = attempt;
        emit({ do: "fail-instead", ...plain(name), token, info: detail, retryable });
      } else forget(attempt, "abandon");
      return true;
    },
  };
}

const noBytes = new Uint8Array(0);

const blank = {
  state: "queued",
  sha256: null,
  size: null,
  stop: null,
  release: "surplus",
  toldAs: null,
  tries: 0,
  damagedCount: 0,
  isCounted: false,
} as const;

export function nameOf({ job, attempt }: AttemptName): string {
  return `${job}.${attempt}`;
}

function plain({ job, attempt }: AttemptName): AttemptName {
  return { job, attempt };
}

/** `again`: the server or the network may take it later. `fail`: it never will. `forget`: nobody waits for it. */
function fateOf(attempt: Attempt, code: string): "again" | "fail" | "forget" {
  const hopeless = attempt.state === "finished" ? "fail" : "forget";
  switch (code) {
    case "payload-too-large":
    case "malformed":
    case "unknown-op":
      return hopeless;
    case "digest-mismatch":
      attempt.damagedCount += 1;
      return attempt.damagedCount < damagedDeliveryCountMax ? "again" : hopeless;
    case "no-such-job":
    case "forbidden":
    case "unauthenticated":
      return "forget";
    default:
      return attempt.state === "released" ? "forget" : "again";
  }
}
