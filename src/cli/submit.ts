// Submits jobs: payloads from files and standard input, or commands with the files that they need. Says what became
// of each, on request waits for them.

import type { Submitted } from "../client/index.ts";
import { GridError } from "../domain/errors.ts";
import { createSystemClock } from "../platform/clock.ts";
import { isFileHere } from "../platform/files-here.ts";
import { currentFolder, environment } from "../platform/program.ts";
import { createSystemRandom } from "../platform/random.ts";
import { useServer, type Grid, type ServerFlags } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { inOrder } from "./in-order.ts";
import { rememberSubmission } from "./last-submission.ts";
import { requiredFiles } from "./map/shipped-files.ts";
import { printJson, printResult } from "./output.ts";
import { newJobs } from "./submit/new-jobs.ts";
import type { SubmitOptions } from "./submit/options.ts";
import { readSubmitOptions, type SubmitValues } from "./submit/read-options.ts";
import { createTrouble, UsageMistake, type Trouble } from "./trouble.ts";

export type SubmitWords = {
  readonly words: readonly string[];
  /** Behind `--`; null without it. */
  readonly command: readonly string[] | null;
};

export async function submit(
  flags: ServerFlags & SubmitValues,
  { words, command }: SubmitWords,
): Promise<void> {
  await useServer(
    flags,
    async (grid) => {
      const options = readSubmitOptions(words, command, flags, {
        now: createSystemClock().now(),
        variables: environment(),
        isFile: isFileHere,
        makeGroup: () => `jobs-${createSystemRandom().bytes(6).toHex()}`,
      });
      try {
        return await submitOn(grid, options);
      } catch (error) {
        throw error instanceof GridError ? new UsageMistake(error.message) : error;
      }
    },
    { interruptedNotice: () => "Interrupted. What was submitted goes on." },
  );
}

async function submitOn(grid: Grid, options: SubmitOptions): Promise<number> {
  const { client, address, signal } = grid;
  const { work, request, many, output } = options;
  const trouble = createTrouble();
  const files = work.kind === "command" ? work.files.filter((path) => path !== "-") : [];
  const shipped = await requiredFiles(currentFolder(), files);
  const ids: string[] = [];
  for await (const outcome of client.submitMany(newJobs(options, { shipped }), { signal })) {
    if (!outcome.ok) trouble.addRefusal(outcome.error, outcome.key);
    else {
      ids.push(outcome.submitted.id);
      if (output !== "key" || many.kind === "none") tell(outcome.submitted, output);
    }
  }
  const { group } = request;
  if (ids.length === 0) return trouble.code();
  await rememberSubmission(address.url, group === undefined ? { group: null, ids } : { group });
  if (output === "key" && many.kind !== "none") printResult(`group:${group}`);
  if (options.isWaiting) await waitFor(grid, ids, trouble);
  return trouble.code();
}

function tell({ key, id, seq, isReplay }: Submitted, output: SubmitOptions["output"]): void {
  if (output === "json")
    printJson({ created: key, id, seq, ...(isReplay ? { replay: true } : {}) });
  else printResult(output === "number" ? String(seq) : key);
}

async function waitFor(
  { client, signal }: Grid,
  ids: readonly string[],
  trouble: Trouble,
): Promise<void> {
  for await (const job of inOrder(ids, (id) => client.wait(id, { signal }))) {
    if (job.status === "done") continue;
    const why = job.info ?? job.reason ?? "no reason was given";
    trouble.add(`${job.key}: ${job.status}: ${why}`, exitCode.jobFailed);
  }
}
