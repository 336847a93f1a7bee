// What a server may answer to a v2 worker, by the table of SEMANTICS.md, section 5, and the rules of completion of section
// 3: a second opinion, pure, that shares no code with the product.

import { unreachable } from "../../src/domain/assert.ts";
import type {
  HeldAttempt,
  HeldVerdict,
  ReceiptVerdict,
} from "../../src/protocol/worker-messages.ts";
import type { Case } from "./judge.ts";

/** What a worker says of the end of an attempt. */
export type EndOp = "result" | "fail" | "release";

/** What a server answers to it, on whichever road. */
export type Told = {
  readonly job: string;
  readonly attempt: number;
  readonly verdict: ReceiptVerdict;
};

/** The one right verdict for an attempt that a worker names with the right token. */
export function verdictOf(
  { record, status, open, lastAttempt, retriedAfter }: Case,
  { attempt, state }: HeldAttempt,
  wallNow: number,
): HeldVerdict["do"] {
  const isAtWork = state === "queued" || state === "running";
  if (record === null || attempt <= retriedAfter) return "abandon";
  if (status === "cancelled") return "cancel";
  if (status === "done" || status === "failed") return "abandon";
  if (open === attempt) return isAtWork ? "continue" : "deliver";
  if (status === "running") return state === "finished" ? "deliver" : "abandon";
  if (!isAtWork) return "deliver";
  if (record.status !== "pending") return "abandon";
  const { deadline } = record.options;
  const isToWait = record.held || record.readyAt > 0 || (deadline !== null && deadline <= wallNow);
  // Lost, and given to nobody since: it goes on.
  return attempt === lastAttempt && !isToWait ? "continue" : "abandon";
}

/** The promise that a receipt breaks which is said now, or null. */
export function brokenByReceipt(
  { record, open, retriedAfter, lastAttempt, status }: Case,
  { attempt, verdict }: Told,
  of: EndOp | "nothing",
): string | null {
  if (record === null) return null;
  const doneBy = record.status === "done" ? record.by : null;
  const isWanted = attempt > retriedAfter && attempt <= lastAttempt;
  switch (verdict) {
    case "committed":
      return (of === "result" ? doneBy === attempt : open !== attempt) ? null : "verdict";
    case "superseded":
      return doneBy !== null && doneBy !== attempt ? null : "verdict";
    case "abandon":
      if (of !== "result") return open === attempt ? "verdict" : null;
      // Whoever is first with a result of this life completes the job, however late.
      return isWanted && (status === "pending" || status === "running") ? "late" : null;
    case "conflict":
      return "verdict"; // Everybody computes the same.
    default:
      return unreachable(verdict);
  }
}
