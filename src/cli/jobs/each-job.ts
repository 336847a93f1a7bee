// What commands about single jobs share: they look at each job that the selectors mean, and go on past trouble.

import type { WireJob } from "../../client/index.ts";
import { useServer, type Grid, type ServerFlags, type UseOptions } from "../connect.ts";
import { findJobs } from "../find-jobs.ts";
import { parseSelectors } from "../selectors.ts";
import { createTrouble, type Trouble } from "../trouble.ts";

/** Runs `work` for each job, one after the other, in the order of the selectors. */
export async function forEachJob(
  flags: ServerFlags,
  words: readonly string[],
  work: (job: WireJob, grid: Grid, trouble: Trouble) => Promise<void>,
  options: UseOptions = {},
): Promise<void> {
  await useServer(
    flags,
    async (grid) => {
      const trouble = createTrouble();
      for await (const job of findJobs(grid, parseSelectors(words), { trouble })) {
        await work(job, grid, trouble);
      }
      return trouble.code();
    },
    options,
  );
}
