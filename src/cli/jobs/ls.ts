// Lists jobs as a table or as JSON, page after page, at the pace of whoever reads.

import type { ListOptions, WireJob } from "../../client/index.ts";
import type { Status } from "../../domain/job.ts";
import { createSystemClock } from "../../platform/clock.ts";
import { writeOut } from "../../platform/terminal.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { findJobs, isKnown } from "../find-jobs.ts";
import { listPageSize } from "../limits.ts";
import { printNotice, writeLines } from "../output.ts";
import { toSafeJson } from "../safe-text.ts";
import { parseSelectors, type Selector } from "../selectors.ts";
import { toTable, type Column } from "../table.ts";
import { ageText } from "../time-text.ts";
import { createTrouble, UsageMistake, type Trouble } from "../trouble.ts";
import { countText, millisecondsOf, noteText, runText, statusColours } from "./words.ts";

export type LsOptions = {
  readonly selectors: readonly string[];
  readonly status: Status | null;
  readonly type: string | null;
  readonly group: string | null;
  /** Null for all. */
  readonly limit: number | null;
  readonly isJson: boolean;
};

export async function ls(flags: ServerFlags, options: LsOptions): Promise<void> {
  await useServer(flags, async (grid) => {
    const trouble = createTrouble();
    const selectors = parseSelectors(options.selectors);
    const { limit } = options;
    const jobs =
      selectors.length === 0
        ? listed(grid, options, trouble)
        : chosen(grid, selectors, options, trouble);
    const shown = { count: 0, isMore: false };
    const show = options.isJson ? showJson : showTable;
    await show(cut(jobs, limit, shown));
    if (shown.count === 0 && !options.isJson && trouble.code() === 0) printNotice("No jobs.");
    if (shown.isMore) {
      printNotice(`The newest ${countText(shown.count, "job")}; --all or --limit shows more.`);
    }
    return trouble.code();
  });
}

async function* listed(
  grid: Grid,
  options: LsOptions,
  trouble: Trouble,
): AsyncGenerator<WireJob, void, undefined> {
  const filter = filterOf(options);
  if (!(await isKnown(grid, filter, trouble))) return;
  const { client, signal } = grid;
  yield* client.list({ ...filter, ...pageOf(options.limit), order: "newest", signal });
}

/** One more than is shown tells whether there are more. */
function pageOf(limit: number | null): ListOptions {
  return { limit: limit === null ? listPageSize : Math.min(listPageSize, limit + 1) };
}

function filterOf({ status, type, group }: LsOptions): ListOptions {
  return {
    ...(status !== null && { status }),
    ...(type !== null && { type }),
    ...(group !== null && { group }),
  };
}

async function* chosen(
  grid: Grid,
  selectors: readonly Selector[],
  options: LsOptions,
  trouble: Trouble,
): AsyncGenerator<WireJob, void, undefined> {
  if (options.type !== null || options.group !== null) {
    throw new UsageMistake(
      "Selectors and --type or --group exclude one another: write @type or group:name.",
    );
  }
  const { status } = options;
  const list = { order: "newest", ...(status !== null && { status }) } as const;
  for await (const job of findJobs(grid, selectors, { trouble, list })) {
    if (status === null || job.status === status) yield job;
  }
}

async function* cut(
  jobs: AsyncIterable<WireJob>,
  limit: number | null,
  shown: { count: number; isMore: boolean },
): AsyncGenerator<WireJob, void, undefined> {
  for await (const job of jobs) {
    if (shown.count === limit) {
      shown.isMore = true;
      return;
    }
    shown.count += 1;
    yield job;
  }
}

/** One array, a job on each line. */
async function showJson(jobs: AsyncIterable<WireJob>): Promise<void> {
  let before = "[";
  for await (const job of jobs) {
    await writeOut(`${before}${toSafeJson(job)}`);
    before = ",\n";
  }
  await writeOut(before === "[" ? "[]\n" : "]\n");
}

/** Columns are as wide as a page of jobs needs. */
async function showTable(jobs: AsyncIterable<WireJob>): Promise<void> {
  const columns = jobColumns(createSystemClock().now());
  let page: WireJob[] = [];
  let isFirst = true;
  const flush = async () => {
    const lines = toTable(columns, page);
    await writeLines(isFirst && page.length > 0 ? lines : lines.slice(1));
    isFirst = false;
    page = [];
  };
  for await (const job of jobs) {
    page.push(job);
    if (page.length === listPageSize) await flush();
  }
  await flush();
}

function jobColumns(nowMs: number): readonly Column<WireJob>[] {
  return [
    { name: "JOB", text: ({ seq }) => String(seq), isRight: true },
    { name: "KEY", text: ({ key }) => key, columnsMax: 40 },
    {
      name: "STATUS",
      text: ({ status }) => status,
      colour: ({ status }) => statusColours[status],
    },
    { name: "TYPE", text: ({ type }) => type ?? "", columnsMax: 24 },
    { name: "GROUP", text: ({ group }) => group ?? "", columnsMax: 24 },
    { name: "AGE", text: ({ submitted }) => ageText(nowMs - millisecondsOf(submitted)) },
    { name: "RAN", text: (job) => runText(job, nowMs) },
    { name: "WORKER", text: ({ worker }) => worker?.name ?? "", columnsMax: 24 },
    { name: "NOTE", text: noteText },
  ];
}
