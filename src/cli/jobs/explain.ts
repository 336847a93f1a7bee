// Why a job does not run, and what would change that.

import type { WireExplanation } from "../../client/index.ts";
import { inCommandWords } from "../command-words.ts";
import type { ServerFlags } from "../connect.ts";
import { writeLines } from "../output.ts";
import { toSafeJson, toSafeLine } from "../safe-text.ts";
import { toTable, type Column } from "../table.ts";
import { forEachJob } from "./each-job.ts";
import { countText, jobName } from "./words.ts";

export type ExplainOptions = { readonly selectors: readonly string[]; readonly isJson: boolean };

export async function explain(
  flags: ServerFlags,
  { selectors, isJson }: ExplainOptions,
): Promise<void> {
  let isFirst = true;
  await forEachJob(flags, selectors, async (job, { client, signal }) => {
    const found = await client.explain(job.id, { signal });
    const lines = isJson ? [toSafeJson(found)] : [...(isFirst ? [] : [""]), ...linesOf(found)];
    isFirst = false;
    await writeLines(lines);
  });
}

function linesOf(found: WireExplanation): readonly string[] {
  const { job: seq, key, status, reasons, queue, workers } = found;
  return [
    toSafeLine(`${jobName({ seq, key })} is ${status}.`),
    ...reasons.flatMap(({ text, remedy, until }) => [
      toSafeLine(`- ${text}${until === null ? "" : ` (until ${until})`}`),
      ...(remedy === null ? [] : [toSafeLine(`  -> ${inCommandWords(remedy)}`)]),
    ]),
    ...(queue === null || queue.before === 0 ? [] : [queueText(queue)]),
    ...(workers.length === 0 ? [] : ["", ...toTable(workerColumns, workers)]),
  ];
}

function queueText({ before, is_capped: isCapped }: NonNullable<WireExplanation["queue"]>): string {
  return `${isCapped ? "At least " : ""}${countText(before, "job")} of its type before it.`;
}

const workerColumns: readonly Column<WireExplanation["workers"][number]>[] = [
  { name: "WORKER", text: ({ name }) => name, columnsMax: 24 },
  { name: "COULD RUN IT", text: ({ is_fit: isFit }) => (isFit ? "yes" : "no") },
  { name: "WHY", text: ({ text }) => text },
];
