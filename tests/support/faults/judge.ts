// The judge: compares what the clients were told with what the server says once it is left in peace. Asks by
// the HTTP API alone; what the files say is for judge-files.ts.

import { jobPath, listJobs, textOf, type Api, type WireJob } from "./api.ts";
import { conductOf, sha256Of } from "./bytes.ts";
import type { Findings } from "./findings.ts";
import type { Entry, LedgerView } from "./ledger.ts";

export type JudgeDeps = {
  readonly api: Api;
  readonly view: LedgerView;
  readonly findings: Findings;
  /** Whether the fleet fails some jobs. */
  readonly isUnruly: boolean;
};

/** Waits until no job waits or runs. False when that does not come about. */
export async function settle(api: Api, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const answer = await api.ask("GET", "/stats");
    if (answer?.status === 200) {
      const { jobs } = JSON.parse(textOf(answer)) as {
        readonly jobs: readonly { readonly status: string; readonly count: number }[];
      };
      const active = jobs.filter(({ status }) => status === "pending" || status === "running");
      if (active.every(({ count }) => count === 0)) return true;
    }
    await Bun.sleep(50);
  }
  return false;
}

/** L1 to L3, L5, L6, L8. Answers with the jobs that are there. */
export async function judgeJobs(deps: JudgeDeps): Promise<readonly WireJob[]> {
  const { api, view, findings } = deps;
  const jobs = await listJobs(api);
  if (jobs === null) {
    findings.note("L11", "the list of jobs cannot be read");
    return [];
  }
  const jobsByKey = new Map<string, WireJob>();
  for (const job of jobs) {
    if (jobsByKey.has(job.key)) findings.note("L5", `two jobs have the key ${job.key}`);
    jobsByKey.set(job.key, job);
  }
  for (const entry of view.entries.values()) judgeEntry(deps, entry, jobsByKey.get(entry.key));
  const jobsById = new Map(jobs.map((job) => [job.id, job]));
  for (const job of jobs) judgeOrigin(deps, job, jobsById);
  judgeChains(deps, jobs);
  for (const job of jobs) judgeEnd(deps, job);
  await inParallel(8, jobs, (job) => judgeBytes(deps, job));
  return jobs;
}

function judgeEntry({ findings }: JudgeDeps, entry: Entry, job: WireJob | undefined): void {
  const { key } = entry;
  if (job === undefined) {
    if (entry.id !== null && !entry.isDeleting) {
      findings.note("L1", `${key} (${entry.id}) was acknowledged and is not there`);
    }
    return;
  }
  const rule = entry.id === null ? "L5" : "L1";
  if (entry.isDeleted) findings.note("L6", `${key} was deleted and is there`);
  if (entry.id !== null && entry.id !== job.id) findings.note("L1", `${key} has another id`);
  if (job.type !== entry.type) findings.note(rule, `${key} has the type ${job.type}`);
  if (job.payload.sha256 !== entry.sha256 || job.payload.size !== entry.size) {
    findings.note(rule, `${key} has other bytes than were sent`);
  }
  if (entry.isCancelled && job.status !== "cancelled") {
    findings.note("L2", `${key} was cancelled and is ${job.status}`);
  }
  // Deleting an active job cancels it first; a kill may come between the two.
  const mayBeCancelled = entry.isDisturbed || entry.isDeleting;
  if (!mayBeCancelled && job.status === "cancelled") {
    findings.note("L2", `${key} is cancelled, which nobody asked for`);
  }
  if (entry.committed !== null && !entry.isDeleting && job.result?.sha256 !== entry.committed) {
    findings.note("L3", `the result of ${key} was read as ${entry.committed} and is now another`);
  }
}

/** Somebody asked for the job, or it continues one that somebody asked for. */
function judgeOrigin(
  { view, findings }: JudgeDeps,
  job: WireJob,
  jobsById: ReadonlyMap<string, WireJob>,
): void {
  if (job.from_id === null) {
    if (!view.entries.has(job.key)) findings.note("L6", `nobody asked for ${job.key}`);
    return;
  }
  const parent = view.entries.get(job.key.replace(/\/second$/, ""));
  const isOfParent = job.key.endsWith("/second") && parent?.type === "first";
  if (!isOfParent) return findings.note("L6", `${job.key} continues nothing`);
  if (!jobsById.has(job.from_id) && !parent.isDeleting) {
    findings.note("L8", `${job.key} has no parent though nobody deleted it`);
  }
}

function judgeChains({ findings }: JudgeDeps, jobs: readonly WireJob[]): void {
  const childrenById = Map.groupBy(
    jobs.filter(({ from_id }) => from_id !== null),
    ({ from_id }) => from_id,
  );
  for (const parent of jobs) {
    const children = childrenById.get(parent.id) ?? [];
    const expected = parent.type === "first" && parent.status === "done" ? 1 : 0;
    if (children.length !== expected) {
      findings.note(
        "L8",
        `${parent.key} is ${parent.status} and has ${children.length} successors`,
      );
    }
    for (const child of children) {
      const isSame = child.payload.sha256 === parent.result?.sha256;
      if (!isSame) findings.note("L8", `${child.key} has other bytes than its parent's result`);
    }
  }
}

/** Settled, and failed only where the harness wanted it. */
function judgeEnd({ view, findings, isUnruly }: JudgeDeps, job: WireJob): void {
  const { key, status, reason, info } = job;
  if (status === "pending" || status === "running") {
    return findings.note("L2", `${key} is ${status} in the end: ${info ?? "no reason"}`);
  }
  if (status === "failed") {
    const isPoison = isUnruly && conductOf(job.payload.sha256) === "fail-always";
    // The one type with a time limit: a slow machine may reach it twice.
    const isMeant =
      (reason === "exhausted" && isPoison) || (reason === "timeout" && job.type === "duel");
    if (!isMeant) findings.note("L2", `${key} failed: ${reason}, ${info}`);
  }
  if (status !== "done") return;
  const isOurs = view.sent.get(job.payload.sha256)?.has(job.result?.sha256 ?? "") ?? false;
  if (!isOurs) findings.note("L3", `no worker sent the result of ${key}`);
}

async function judgeBytes({ api, findings }: JudgeDeps, job: WireJob): Promise<void> {
  for (const [part, content, rule] of [
    ["payload", job.payload, "L1"],
    ["result", job.result, "L3"],
  ] as const) {
    if (content === null) continue;
    const answer = await api.ask("GET", `${jobPath(job.key)}/${part}`);
    if (answer?.status !== 200) {
      const what =
        answer === null ? "no answer" : `${answer.status} ${textOf(answer).slice(0, 160)}`;
      findings.note(rule, `the ${part} of ${job.key} cannot be read: ${what}`);
    } else if (sha256Of(answer.bytes) !== content.sha256) {
      findings.note(rule, `the ${part} of ${job.key} does not fit its hash`);
    }
  }
}

async function inParallel<Item>(
  count: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: count }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
