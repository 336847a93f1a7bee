// All that is known of a job: for people line by line, for scripts as JSON.

import type { WireAttempt, WireContent, WireJob } from "../../client/index.ts";
import { createSystemClock } from "../../platform/clock.ts";
import type { ServerFlags } from "../connect.ts";
import { writeLines } from "../output.ts";
import { toSafeJson } from "../safe-text.ts";
import { toFacts, toTable, type Column } from "../table.ts";
import { ageText } from "../time-text.ts";
import { forEachJob } from "./each-job.ts";
import { millisecondsOf, progressText, runText } from "./words.ts";

export type InfoOptions = { readonly selectors: readonly string[]; readonly isJson: boolean };

export async function info(flags: ServerFlags, { selectors, isJson }: InfoOptions): Promise<void> {
  let isFirst = true;
  await forEachJob(flags, selectors, async (job, { client, signal }) => {
    const { attempts } = await client.history(job.id, { signal });
    if (isJson) {
      await writeLines([toSafeJson({ ...job, history: attempts })]);
      return;
    }
    const nowMs = createSystemClock().now();
    await writeLines([
      ...(isFirst ? [] : [""]),
      ...toFacts(factsOf(job, nowMs)),
      ...(attempts.length === 0 ? [] : ["", ...toTable(attemptColumns, attempts)]),
    ]);
    isFirst = false;
  });
}

function factsOf(job: WireJob, nowMs: number): readonly (readonly [string, string | null])[] {
  const when = (instant: string | null) =>
    instant === null ? null : `${instant}  ${agoText(nowMs - millisecondsOf(instant))}`;
  return [
    ["job", String(job.seq)],
    ["key", job.key],
    ["id", job.id],
    ["status", job.reason === null ? job.status : `${job.status} (${job.reason})`],
    ["info", job.info],
    ["progress", job.progress === null ? null : progressText(job.progress)],
    ["description", job.description],
    ["type", job.type],
    ["group", job.group],
    ["group limit", job.group_running_max === null ? null : `${job.group_running_max} running`],
    ["labels", job.labels === null ? null : labelText(job.labels)],
    ["priority", job.priority],
    ["requires", job.requires],
    ["submitted", when(job.submitted)],
    ["not before", job.not_before],
    ["started", when(job.started)],
    ["ended", when(job.ended)],
    ["ran", runText(job, nowMs) || null],
    ["worker", job.worker === null ? null : `${job.worker.name} (${job.worker.id})`],
    ["attempts", job.attempts === 0 ? null : `${job.attempts}, failed ${job.failures}`],
    ["payload", contentText(job.payload)],
    ["result", job.result === null ? null : contentText(job.result)],
    ["from job", job.from_id],
    ["next jobs", job.next_ids.length === 0 ? null : job.next_ids.join(" ")],
  ];
}

function agoText(ms: number): string {
  return ms < 0 ? `(in ${ageText(-ms)})` : `(${ageText(ms)} ago)`;
}

function labelText(labels: NonNullable<WireJob["labels"]>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

function contentText({ size, sha256, content_type: type }: WireContent): string {
  return `${size} bytes${type === null ? "" : `, ${type}`}, sha256 ${sha256}`;
}

const attemptColumns: readonly Column<WireAttempt>[] = [
  { name: "ATTEMPT", text: ({ attempt }) => String(attempt), isRight: true },
  { name: "OUTCOME", text: ({ outcome }) => outcome ?? "running" },
  { name: "WORKER", text: ({ worker }) => worker?.name ?? "", columnsMax: 24 },
  { name: "STARTED", text: ({ started }) => started ?? "" },
  { name: "ENDED", text: ({ ended }) => ended ?? "" },
  { name: "INFO", text: ({ info: said }) => said ?? "" },
];
