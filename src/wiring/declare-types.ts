// Holds the configured types against those of the stored jobs. Types may be added at any time; one with
// unfinished jobs may not vanish, because nobody could work on them any more.

import type { JobType } from "../domain/job-type.ts";
import { StartError } from "../platform/start-error.ts";
import type { JobStore } from "../store/job-store.ts";

export async function declareTypes(
  jobs: Pick<JobStore, "types" | "declareTypes">,
  types: readonly JobType[],
): Promise<void> {
  const configured = new Set(types.map(({ name }) => name));
  const orphaned = (await jobs.types()).filter(
    ({ name, unsettled }) => unsettled > 0 && !configured.has(name),
  );
  if (orphaned.length > 0) {
    const list = orphaned.map(({ name, unsettled }) => `${label(name)} (${unsettled})`).join(", ");
    throw new StartError(
      2,
      `The configuration no longer has types whose jobs are unfinished: ${list}. Put the types back until their jobs are done, or cancel the jobs first.`,
    );
  }
  await jobs.declareTypes([...configured]);
}

function label(name: string): string {
  return name === "" ? "the unnamed type of a server without types" : name;
}
