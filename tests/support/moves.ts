// Reads the rules as tables: a job, a step, what becomes of it. Beside what a row states, each move is held
// to what every move owes: one revision more, facts untouched, an event that fits, no leftovers.

import { expect } from "bun:test";
import type { FailReason, Job, Status } from "../../src/domain/job.ts";
import { statuses } from "../../src/domain/job.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import type { Step } from "../../src/domain/step.ts";
import { transition, type Moved } from "../../src/domain/transition.ts";
import { aContent, aJob, aType, aWorker, noOptions, now } from "./a-job.ts";
import { numberOf, parseTable, refuseUnknown, type Cell } from "./table.ts";

/** Every kind of step; the compiler refuses a forgotten one. */
const stepTable: { readonly [Each in Step["do"]]: true } = {
  claim: true,
  complete: true,
  fail: true,
  "time-out": true,
  lose: true,
  return: true,
  release: true,
  reopen: true,
  cancel: true,
  retry: true,
  hold: true,
  unhold: true,
  expire: true,
  damage: true,
};
export const stepNames = Object.keys(stepTable) as readonly Step["do"][];

/**
 * Checks each row `job  step  outcome`. A job and an outcome are a status and settings; an outcome may be
 * `refused: why`. Instants are relative to now, except 0. Answers with the pairs of status and step it tried.
 */
export function expectMoves(table: string, givenType: Partial<JobType> = {}): readonly string[] {
  const type = aType(givenType);
  return parseTable(table, 3).map(({ line, cells }) => {
    const [jobCell, stepCell, outcome] = cells as [Cell, Cell, Cell];
    const job = toJob(jobCell);
    const step = toStep(stepCell, job);
    const before = structuredClone(job);
    const move = transition(job, step, type);
    expect(job, `the job given is left alone: ${line}`).toEqual(before);
    const seen = move.kind === "refused" ? `refused: ${move.why}` : move.job.status;
    expect(seen, line).toBe(outcome.word);
    if (move.kind === "moved") {
      expectSound(job, step, move);
      expectSettings(line, outcome, move);
    }
    return `${job.status} ${step.do}`;
  });
}

/** What every move owes, whatever the rule. */
export function expectSound(before: Job, step: Step, { job, event }: Moved): void {
  const { at } = step;
  expect(job.revision).toBe(before.revision + 1);
  expect([job.changedAt, event.at, event.status]).toEqual([at, at, job.status]);
  expect(fieldsOf(job)).toEqual(fieldsOf(aJob(job.status)));
  for (const fact of ["seq", "id", "key", "type", "payload", "options", "submittedAt"] as const) {
    expect(job[fact]).toEqual(before[fact]);
  }
  expect(event.reason).toBe(job.status === "failed" ? job.reason : null);
}

const jobSettings =
  "n failures crashes penalty retried avoid worker held ready deadline max timeout reason by result info";

function toJob(cell: Cell): Job {
  refuseUnknown(cell, jobSettings.split(" "));
  const { word, settings } = cell;
  if (!statuses.includes(word as Status)) throw new Error(`"${word}" is no status.`);
  const worker = settings.get("worker");
  const result = settings.get("result");
  const fromNow = (name: string) => toInstant(numberOf(cell, name));
  return aJob(word as Status, {
    n: numberOf(cell, "n"),
    failures: numberOf(cell, "failures") ?? 0,
    crashes: numberOf(cell, "crashes") ?? 0,
    penalty: numberOf(cell, "penalty") ?? 0,
    retriedAfter: numberOf(cell, "retried") ?? 0,
    avoid: settings.get("avoid")?.split(",") ?? [],
    worker: worker === undefined ? undefined : aWorker(worker),
    held: settings.get("held") === "yes",
    readyAt: fromNow("ready"),
    reason: settings.get("reason") as FailReason | undefined,
    by: numberOf(cell, "by"),
    result: result === undefined ? undefined : aContent(result),
    info: settings.get("info") ?? null,
    options: {
      ...noOptions,
      deadline: fromNow("deadline") ?? null,
      maxAttempts: numberOf(cell, "max") ?? null,
      timeoutMs: numberOf(cell, "timeout") ?? null,
    },
  });
}

const stepSettings =
  "at worker waived attempt result retryable chance charged elsewhere info".split(" ");

function toStep(cell: Cell, job: Job): Step {
  refuseUnknown(cell, stepSettings);
  const { settings } = cell;
  const says = (name: string, usual: "yes" | "no") => (settings.get(name) ?? usual) === "yes";
  const name = cell.word as Step["do"];
  const step: Record<string, unknown> = {
    do: name,
    at: toInstant(numberOf(cell, "at")) ?? now,
    attempt: numberOf(cell, "attempt") ?? job.attempt?.n ?? 1,
    info: settings.get("info") ?? "said",
    chance: numberOf(cell, "chance") ?? 0.5,
    result: aContent(settings.get("result") ?? "r"),
    worker: aWorker(settings.get("worker") ?? "a"),
    tokenHash: new Uint8Array(32).fill(9),
    leaseMs: null,
    waived: says("waived", "no"),
    retryable: says("retryable", "yes"),
    charged: says("charged", "yes"),
    elsewhere: says("elsewhere", "no"),
  };
  if (!stepNames.includes(name)) throw new Error(`"${name}" is no step.`);
  return step as Step; // It has the fields of every step; each rule reads its own.
}

function expectSettings(line: string, outcome: Cell, { job, event }: Moved): void {
  const seen: Record<string, unknown> = {
    n: job.attempt?.n ?? 0,
    failures: job.failures,
    crashes: job.crashes,
    penalty: job.penalty,
    retried: job.retriedAfter,
    avoid: job.avoid.join(",") || "none",
    worker: job.attempt?.worker.id ?? "none",
    info: job.info ?? "none",
    held: job.status === "pending" && job.held ? "yes" : "no",
    ready: job.status === "pending" ? fromInstant(job.readyAt) : "none",
    reason: job.status === "failed" ? job.reason : "none",
    by: job.status === "done" ? job.by : "none",
    result: job.status === "done" ? job.result.sha256.replace(/0+$/, "") : "none",
    event: event.change,
    about: event.attempt ?? "none",
    from: event.worker?.id ?? "none",
  };
  refuseUnknown(outcome, Object.keys(seen));
  for (const [name, wanted] of outcome.settings) {
    expect(`${name}=${String(seen[name])}`, line).toBe(`${name}=${wanted}`);
  }
}

function toInstant(offset: number | undefined): number | undefined {
  return offset === undefined || offset === 0 ? offset : now + offset;
}

function fromInstant(at: number): number {
  return at === 0 ? 0 : at - now;
}

function fieldsOf(job: Job): readonly string[] {
  return Object.keys(job).sort();
}
