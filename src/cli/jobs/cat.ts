// Results on standard output, byte for byte, one behind the other. Only a terminal gets them without what would steer
// it, unless they are asked for as they are.

import { ClientError, JobFailed, type WireJob } from "../../client/index.ts";
import { isTerminal } from "../../platform/terminal.ts";
import type { Grid, ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import type { Trouble } from "../trouble.ts";
import { forEachJob } from "./each-job.ts";
import { writeStream } from "./logs.ts";
import { jobName } from "./words.ts";

export type CatOptions = {
  readonly selectors: readonly string[];
  readonly isWaiting: boolean;
  readonly isEndOfChain: boolean;
  readonly isRaw: boolean;
};

export async function cat(flags: ServerFlags, options: CatOptions): Promise<void> {
  const isRaw = options.isRaw || !isTerminal("stdout");
  await forEachJob(flags, options.selectors, async (job, grid, trouble) => {
    const result = await openResultOf(job, grid, trouble, options);
    if (result !== null) await writeStream(result.stream, isRaw);
  });
}

type ResultWishes = { readonly isWaiting: boolean; readonly isEndOfChain: boolean };

/** Null when there is none, which has been told. */
export async function openResultOf(
  job: WireJob,
  { client, signal }: Grid,
  trouble: Trouble,
  { isWaiting: wait, isEndOfChain: endOfChain }: ResultWishes,
) {
  try {
    return await client.openResult(job.id, { wait, endOfChain, signal });
  } catch (error) {
    if (error instanceof JobFailed) {
      const why = error.jobInfo ?? error.reason;
      const sentence = `${jobName(job)} ${error.outcome === "failed" ? "failed" : "was cancelled"}`;
      trouble.add(`${sentence}${why === null ? "." : `: ${why}`}`, exitCode.jobFailed);
    } else if (error instanceof ClientError && error.code === "not-done") {
      const remedy = "Wait with --wait, or ask gridlike explain why it does not run.";
      trouble.add(`${jobName(job)} has no result yet. ${remedy}`, exitCode.refused);
    } else trouble.addRefusal(error, jobName(job));
    return null;
  }
}
