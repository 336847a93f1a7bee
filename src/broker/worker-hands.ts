// Which attempts are in the hands of connected workers, so that news of a job reaches those who work on it: that
// another was first, that nobody wants it any more. Several may have the same job, after a loss that was none.

import type { JobSeq } from "../domain/job.ts";
import { isSettled } from "../domain/job.ts";
import type { ServerSays } from "../protocol/worker-messages.ts";
import type { News } from "./feed.ts";

export type CancelWhy = Extract<ServerSays, { op: "cancel" }>["why"];

/** An attempt that a connected worker has. */
export type Hand = {
  readonly seq: JobSeq;
  /** As it travels. */
  readonly job: string;
  readonly attempt: number;
  readonly type: string;
  readonly tokenHash: Uint8Array;
  /** `lost`: given up here, while the worker may go on with it. `told`: the worker was asked to end it. */
  fate: "open" | "lost" | "told";
  /** It fills a place of the worker's window. */
  isCounted: boolean;
  /** The worker knows that it has it: it was given, or its verdict was told. */
  isNamed: boolean;
  /** While it is taken up again after it was given up: what is said of it counts behind that. */
  reviving: Promise<void> | null;
  readonly holder: Holder;
};

export type Holder = {
  /** The worker is to end it. */
  cancel(hand: Hand, why: CancelWhy): void;
  /** Its outcome stands, and the worker knows or will be told. */
  over(hand: Hand): void;
};

export type Hands = {
  put(hand: Hand): void;
  remove(hand: Hand): void;
  note(news: News): void;
};

export function createHands(): Hands {
  const handsBySeq = new Map<JobSeq, readonly Hand[]>();

  return {
    put(hand) {
      const others = handsBySeq.get(hand.seq);
      handsBySeq.set(hand.seq, others === undefined ? [hand] : [...others, hand]);
    },
    remove(hand) {
      const left = handsBySeq.get(hand.seq)?.filter((one) => one !== hand) ?? [];
      if (left.length === 0) handsBySeq.delete(hand.seq);
      else handsBySeq.set(hand.seq, left);
    },
    note(news) {
      for (const hand of handsBySeq.get(news.job.seq) ?? []) {
        if (news.event.attempt === hand.attempt) noteOwn(hand, news);
        else if (isSettled(news.job)) cancel(hand, whyOf(news));
      }
    },
  };
}

/** News of the very attempt. */
function noteOwn(hand: Hand, news: News): void {
  switch (news.event.change) {
    case "completed":
    case "failed":
    case "released":
      return hand.holder.over(hand);
    case "timed_out":
      return cancel(hand, "timeout");
    case "lost":
    case "not_delivered":
      // When it comes to its senses it may go on, if nobody else was given the job.
      if (isSettled(news.job)) return cancel(hand, "cancelled");
      if (hand.fate === "open") hand.fate = "lost";
      return;
    case "reopened":
      if (hand.fate === "lost") hand.fate = "open";
      return;
    case "cancelled":
    case "damaged":
      return cancel(hand, "cancelled");
    default:
      return; // What else happens to a job is nothing to those who work on it.
  }
}

function whyOf({ job }: News): CancelWhy {
  return job.status === "done" ? "superseded" : "cancelled";
}

function cancel(hand: Hand, why: CancelWhy): void {
  if (hand.fate === "told") return;
  hand.fate = "told";
  hand.holder.cancel(hand, why);
}
