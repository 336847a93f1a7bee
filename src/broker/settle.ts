// Takes back what workers report: results, failures, losses. News about an attempt that is no longer wanted is
// recognised by the rules, whoever sends it.

import type { Job, JobSeq, RunningJob } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import { unreachable } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import { reportAgainMs } from "../domain/limits.ts";
import type { Refusal, Step } from "../domain/step.ts";
import type { Move } from "../domain/transition.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { advance, type AdvanceDeps, type Attachment } from "./advance.ts";
import { discard, type BytesDeps } from "./bytes.ts";

export type SettleDeps = AdvanceDeps &
  BytesDeps & {
    readonly clock: Clock;
    readonly random: Random;
    /** True when a worker other than this one could run the job. */
    readonly isElsewherePossible: (job: Job) => boolean;
    /** The running job as it was claimed, while its attempt is held: saves reading it again. */
    readonly heldJob: (seq: JobSeq, attempt: number) => RunningJob | null;
    readonly log: Log;
    readonly isStopping: () => boolean;
  };

/** What the sender of a result or failure may do with its copy. */
export type Verdict = "committed" | "superseded" | "abandon" | "conflict";

export type Failure = {
  readonly info: string | null;
  readonly logs: string | null;
  readonly retryable: boolean;
};

type Report = { readonly seq: JobSeq; readonly attempt: number };

/** Records a result, whose bytes are staged. Resolves when it is durable, or is known not to be wanted. */
export async function complete(
  deps: SettleDeps,
  { seq, attempt, result }: Report & { readonly result: NewContent },
): Promise<Verdict> {
  const at = deps.clock.now();
  const step = { do: "complete", at, attempt, result } as const;
  const move = await report(deps, { seq, attempt }, () => step, { result });
  if (move !== "no-such-job" && move.kind === "moved") return "committed";
  const isKept = result.inline === null && (await deps.jobs.usesBlob(result.name));
  if (!isKept) await discard(deps, result);
  return move === "no-such-job" ? "abandon" : verdictOf(move.why);
}

/** Records a failure that the worker reports. */
export async function fail(
  deps: SettleDeps,
  { seq, attempt, info, logs, retryable }: Report & Failure,
): Promise<Verdict> {
  const at = deps.clock.now();
  const chance = deps.random.fraction();
  const step = { do: "fail", at, attempt, info, retryable, chance } as const;
  const move = await report(deps, { seq, attempt }, () => step, { logs });
  if (move === "no-such-job") return "abandon";
  return move.kind === "moved" ? "committed" : verdictOf(move.why);
}

/** Records that the worker is gone. */
export async function lose(
  deps: SettleDeps,
  { seq, attempt, info, charged }: Report & { readonly info: string; readonly charged: boolean },
): Promise<void> {
  const at = deps.clock.now();
  await report(deps, { seq, attempt }, (job) => {
    const elsewhere = deps.isElsewherePossible(job);
    return { do: "lose", at, attempt, charged, elsewhere, info };
  });
}

/** Records that the job is given back unharmed: it never ran, or its result could not be kept. */
export async function giveBack(
  deps: SettleDeps,
  { seq, attempt, info }: Report & { readonly info: string },
  how: "return" | "release",
): Promise<Verdict> {
  const at = deps.clock.now();
  const move = await report(deps, { seq, attempt }, () => ({ do: how, at, attempt, info }));
  return move !== "no-such-job" && move.kind === "moved" ? "committed" : "abandon";
}

/**
 * Puts a step that will not be reported again. While the store has no room or is locked it is put again and
 * again: forgotten, it would leave the job running for ever.
 */
async function report(
  deps: SettleDeps,
  { seq, attempt }: Report,
  step: (job: Job) => Step,
  attachment: Attachment = {},
): Promise<Move | "no-such-job"> {
  for (;;) {
    try {
      return await advance(deps, known(deps, seq, attempt), step, attachment);
    } catch (error) {
      if (!isPassing(error) || deps.isStopping()) throw error;
      deps.log.warn("job.report_waits", { job: seq, attempt, code: error.code });
      await new Promise<void>((resolve) => void deps.clock.after(reportAgainMs, resolve));
    }
  }
}

/** Errors after which nothing was changed, and which end by themselves. */
function isPassing(error: unknown): error is GridError {
  return error instanceof GridError && (error.code === "disk-low" || error.code === "overloaded");
}

function known(deps: SettleDeps, seq: JobSeq, attempt: number): JobRef | Job {
  return deps.heldJob(seq, attempt) ?? { by: "seq", seq };
}

function verdictOf(why: Refusal): Verdict {
  switch (why) {
    case "committed":
    case "superseded":
    case "conflict":
      return why;
    case "abandon":
    case "not-open":
    case "not-pending":
    case "not-ready":
    case "avoided":
    case "already-done":
    case "already-cancelled":
    case "already-settled":
    case "still-active":
    case "not-due":
      return "abandon";
    default:
      return unreachable(why);
  }
}
