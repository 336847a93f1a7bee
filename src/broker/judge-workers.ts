// Why each connected worker does or does not take a job that waits. Pure. It follows the dispatcher's own judgement,
// which has no words for its refusals.

import { unreachable } from "../domain/assert.ts";
import { toInstantText } from "../domain/instant-text.ts";
import type { Instant, Job, WorkerRef } from "../domain/job.ts";
import { shortOf, type Amounts, type Needs } from "../domain/requirements.ts";
import type { Offers, WorkerState } from "../domain/worker.ts";
import { needsOfJob } from "./could-run.ts";
import { describeShortage, describeTaken } from "./describe-needs.ts";

/** A connected worker, as far as it matters to one job. */
export type WorkerFacts = {
  readonly connection: string;
  readonly worker: WorkerRef;
  readonly types: readonly string[];
  readonly state: WorkerState;
  /** An operator wants it to get nothing new. */
  readonly isDraining: boolean;
  /** Until when it is set aside, or null. */
  readonly setAsideUntil: Instant | null;
  readonly payloadBytesMax: number;
  /** Null of a worker that does not tell. */
  readonly offers: Offers | null;
  /** What the jobs it holds take of that. */
  readonly held: Amounts;
};

export type WorkerVerdict = {
  readonly connection: string;
  readonly worker: WorkerRef;
  readonly code: WorkerCode;
  /** Whether it could be given the job, were the job next and the worker free. */
  readonly isFit: boolean;
  readonly text: string;
  readonly until: Instant | null;
};

export type WorkerCode =
  | "other-type"
  | "payload-too-large"
  | "requirements"
  | "set-aside"
  | "draining"
  | "suspect"
  | "avoided"
  | "unsure"
  | "busy"
  | "no-room"
  | "gone"
  | "free";

/** What each of the workers that are there means to a job that waits. */
export function judgeWorkers(job: Job, workers: readonly WorkerFacts[]): readonly WorkerVerdict[] {
  const needs = needsOfJob(job);
  const asked = { job, needs };
  const isWaived = !workers.some((one) => isAble(asked, one) && !job.avoid.includes(one.worker.id));
  return workers.map((one) => judge(asked, one, isWaived));
}

type Asked = { readonly job: Job; readonly needs: Needs | null };

/** As the dispatcher judges: of the type, with all that is required, not set aside; busy or not. */
function isAble({ job, needs }: Asked, facts: WorkerFacts): boolean {
  const { types, payloadBytesMax, setAsideUntil, isDraining } = facts;
  if (isDraining || setAsideUntil !== null) return false;
  if (needs !== null && shortOf(needs, toOfferer(facts)) !== null) return false;
  return types.includes(job.type) && job.payload.size <= payloadBytesMax;
}

function toOfferer({ worker, offers }: WorkerFacts) {
  return { workerId: worker.id, offers };
}

function judge({ job, needs }: Asked, facts: WorkerFacts, isWaived: boolean): WorkerVerdict {
  const { connection, worker, state, setAsideUntil } = facts;
  const about = { connection, worker, until: null };
  const unfit = (code: WorkerCode, text: string) => ({ ...about, code, isFit: false, text });
  if (!facts.types.includes(job.type)) {
    const served = facts.types.filter((type) => type !== "").join(", ");
    return unfit("other-type", `It serves ${served === "" ? "no named type" : served}.`);
  }
  if (state === "gone") return unfit("gone", "Its connection has just ended.");
  if (job.payload.size > facts.payloadBytesMax) {
    const text = `The payload has ${job.payload.size} bytes; it takes at most ${facts.payloadBytesMax}. Workers of newer protocols take any.`;
    return unfit("payload-too-large", text);
  }
  if (needs !== null && shortOf(needs, toOfferer(facts)) !== null) {
    return unfit("requirements", describeShortage(needs, toOfferer(facts)));
  }
  if (setAsideUntil !== null) {
    const text = `It failed too often what others could do, and is set aside until ${toInstantText(setAsideUntil)}.`;
    return { ...unfit("set-aside", text), until: setAsideUntil };
  }
  if (facts.isDraining) {
    return unfit("draining", "It is being drained: it ends what it has and gets nothing new.");
  }
  const isAvoided = job.avoid.includes(worker.id);
  if (isAvoided && !isWaived) {
    const text = "The job failed here before, and another connected worker could run it.";
    return unfit("avoided", text);
  }
  const waiver = isAvoided
    ? " The job failed here before; no other worker could run it, so that does not count."
    : "";
  const fit = (code: WorkerCode, text: string) => ({
    ...about,
    code,
    isFit: true,
    text: text + waiver,
  });
  switch (state) {
    case "busy":
      return fit("busy", "It is at work on another job.");
    case "unsure":
      return fit("unsure", "It has not said yet whether it is ready; it is asked again.");
    case "suspect":
      return fit("suspect", "It has been silent for too long to be given anything new.");
    case "ready":
    case "draining": // The facts say it.
    case "quarantined": // Its time was over while the facts were gathered.
      if (needs === null || shortOf(needs, toOfferer(facts), facts.held) === null) {
        return fit("free", "It is free.");
      }
      return fit("no-room", describeTaken(needs, toOfferer(facts), facts.held));
    default:
      return unreachable(state);
  }
}
