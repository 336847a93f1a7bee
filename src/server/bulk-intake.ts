// Takes the jobs of a bulk submission in as they come: many share a commit while they come fast, and none waits for
// one that has not come yet. Holds the jobs of one commit at a time.

import type { Broker, Submission } from "../broker/broker.ts";
import type { SubmitOutcome } from "../broker/submit-many.ts";
import { assert } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import { submissionBytesPerCommitMax } from "../domain/limits-server.ts";
import { submissionsPerCommitMax } from "../domain/limits.ts";
import { toProblem } from "../protocol/problem.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import type { BulkItem, BulkItems } from "./bulk-job.ts";

export type Intake = { readonly accepted: number; readonly refused: number };

export type IntakeDeps = {
  readonly broker: Pick<Broker, "submitMany" | "requireRoom" | "discard">;
  readonly type: JobType;
  readonly atEndOfTurn: AtEndOfTurn;
  /** Takes the lines of one commit; resolves when there is room for more. */
  readonly write: (lines: string) => Promise<void>;
};

type Came = IteratorResult<readonly BulkItem[], void> | "quiet";

/** Resolves at the end of the items. What came before they broke off is taken in all the same, then it throws. */
export async function takeIn(deps: IntakeDeps, items: BulkItems): Promise<Intake> {
  const total = { accepted: 0, refused: 0 };
  let waiting: BulkItem[] = [];
  let waitingBytes = 0;
  const quiet = () => new Promise<"quiet">((resolve) => deps.atEndOfTurn(() => resolve("quiet")));
  const commit = async () => {
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    const { accepted, refused } = await commitBatch(deps, batch);
    total.accepted += accepted;
    total.refused += refused;
  };
  let next = items.next();
  try {
    for (;;) {
      const came: Came = await (waiting.length === 0 ? next : Promise.race([next, quiet()]));
      if (came === "quiet") {
        await commit();
        continue;
      }
      if (came.done === true) break;
      for (const item of came.value) {
        waiting.push(item);
        if (item.kind === "job") waitingBytes += item.payload.inline?.length ?? 0;
        const isFull =
          waiting.length >= submissionsPerCommitMax || waitingBytes >= submissionBytesPerCommitMax;
        if (isFull) await commit();
      }
      next = items.next();
    }
  } catch (error) {
    next.catch(() => {}); // It is told already, or comes too late to matter.
    if (waiting.length > 0) await commit();
    throw error;
  }
  if (waiting.length > 0) await commit();
  return total;
}

async function commitBatch(
  { broker, type, write }: IntakeDeps,
  batch: readonly BulkItem[],
): Promise<Intake> {
  const submissions = batch.flatMap((item) => {
    if (item.kind === "refused") return [];
    const { contentType: _, ...asked } = item.asked;
    return [{ ...asked, type: type.name, payload: item.payload }];
  });
  const outcomes = submissions.length === 0 ? [] : await submitOrRefuse(broker, submissions);
  let place = 0;
  let refused = 0;
  let lines = "";
  for (const item of batch) {
    const outcome: SubmitOutcome | undefined = item.kind === "refused" ? item : outcomes[place];
    assert(outcome !== undefined, "a submission has an outcome");
    if (item.kind === "job") place += 1;
    if (outcome.kind === "refused") refused += 1;
    lines +=
      outcome.kind === "refused" ? errorLine(outcome.error, item.line) : createdLine(outcome);
  }
  await write(lines);
  return { accepted: batch.length - refused, refused };
}

/** The disk may fill up while a long body comes: then each job is told of it, and the client may go on later. */
export async function submitOrRefuse(
  broker: IntakeDeps["broker"],
  submissions: readonly Submission[],
): Promise<readonly SubmitOutcome[]> {
  try {
    await broker.requireRoom();
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    for (const { payload } of submissions) await broker.discard(payload);
    return submissions.map(() => ({ kind: "refused", error }));
  }
  return broker.submitMany(submissions);
}

function createdLine({ submitted }: Extract<SubmitOutcome, { kind: "submitted" }>): string {
  const { key, id, seq, isReplay } = submitted;
  const replay = isReplay ? ',"replay":true' : "";
  return `{"created":${JSON.stringify(key)},"id":"${id}","seq":${seq}${replay}}\n`;
}

/** `line`: the job that it is about; null when it is about the whole, which ends here. */
export function errorLine(error: GridError, line: number | null): string {
  const about = line === null ? {} : { line };
  return `${JSON.stringify({ error: toProblem(error), ...about })}\n`;
}
