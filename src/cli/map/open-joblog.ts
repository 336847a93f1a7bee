// The joblog of a map as a file: begun anew, or gone on with.

import { errorCodeOf } from "../../platform/durable-files.ts";
import { GridError } from "../../domain/errors.ts";
import { factsOf } from "../../platform/file-system.ts";
import { openLineFile, type LineFile } from "../../platform/line-file.ts";
import { joblogHeader, type Logged } from "./joblog.ts";
import type { LogOptions } from "./options.ts";
import { readJoblog } from "./planned-jobs.ts";

export type Joblog = {
  /** Whether the job need not run again. */
  readonly isSettled: (number: number) => boolean;
  readonly file: LineFile | null;
};

export async function openJoblog({ joblog, isAppended, resume }: LogOptions): Promise<Joblog> {
  if (joblog === null) return { isSettled: () => false, file: null };
  const facts = await factsOf(joblog);
  const isThere = facts !== null && facts.size > 0;
  const isResumed = resume !== "nothing" && isThere;
  const logged = isResumed && resume !== "failed" ? await readJoblog(joblog) : null;
  const isKept = isResumed || (isAppended && isThere);
  const file = opened(joblog, isKept ? "append" : "anew");
  if (!isKept) file.add(joblogHeader);
  return { isSettled: settledBy(logged, resume), file };
}

function settledBy(logged: Logged | null, resume: LogOptions["resume"]) {
  if (logged === null) return () => false;
  return (number: number) =>
    logged.isSettled(number) && !(resume === "missing-and-failed" && logged.isFailed(number));
}

function opened(path: string, how: "anew" | "append"): LineFile {
  try {
    return openLineFile(path, how);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === null) throw error;
    throw new GridError(
      "malformed",
      `The joblog ${JSON.stringify(path)} cannot be written (${code}). Name another file.`,
    );
  }
}
