import { expect, test } from "bun:test";
import { explain, type ExplainFacts } from "../../../src/broker/explain.ts";
import type { WorkerFacts } from "../../../src/broker/judge-workers.ts";
import { toInstantText } from "../../../src/domain/instant-text.ts";
import type { Job, Status } from "../../../src/domain/job.ts";
import type { WorkerState } from "../../../src/domain/worker.ts";
import { aJob, aWorker, noOptions, now } from "../../support/a-job.ts";
import { numberOf, parseTable, refuseUnknown, type Cell } from "../../support/table.ts";

const inAMinute = now + 60_000;

/** `pending held=1 ready=1 deadline=1 failures=2 avoid=a,b type=fold`; ready and deadline are minutes from now. */
function toJob(cell: Cell): Job {
  const known = ["held", "ready", "deadline", "failures", "avoid", "type", "priority"];
  refuseUnknown(cell, known);
  const minutes = (name: string) => {
    const count = numberOf(cell, name);
    return count === undefined ? null : now + count * 60_000;
  };
  return aJob(cell.word as Status, {
    held: cell.settings.get("held") === "1",
    readyAt: minutes("ready") ?? 0,
    failures: numberOf(cell, "failures") ?? 0,
    avoid: cell.settings.get("avoid")?.split(",") ?? [],
    type: cell.settings.get("type") ?? "",
    priority: cell.settings.get("priority") === "immediate" ? "immediate" : "batch",
    options: { ...noOptions, deadline: minutes("deadline") },
  });
}

/** `nobody`, or workers like `a:ready b:busy:other`: id, state, and what is special about it. */
function toWorkers({ word }: Cell): readonly WorkerFacts[] {
  if (word === "nobody") return [];
  return word.split(" ").map((text) => {
    const [id = "", state = "", ...marks] = text.split(":");
    return {
      connection: `connection-${id}`,
      worker: aWorker(id),
      types: [marks.includes("other") ? "other" : marks.includes("fold") ? "fold" : ""],
      state: state as WorkerState,
      isDraining: marks.includes("draining"),
      setAsideUntil: marks.includes("aside") ? inAMinute : null,
      payloadBytesMax: marks.includes("small") ? 0 : 100,
    };
  });
}

function factsOf(job: Job, given: Partial<ExplainFacts>): ExplainFacts {
  return {
    job,
    at: now,
    dueAt: now,
    isGiving: true,
    isHeldByConnected: true,
    queue: { before: 0, isCapped: false },
    groupRunningCount: 0,
    workers: [],
    ...given,
  };
}

test("explain() names what is in the way of a job that waits", () => {
  const table = `
    pending                        a:ready                        next
    pending                        nobody                         no-worker
    pending type=fold              a:ready                        no-worker
    pending type=fold              a:ready b:busy:fold            all-busy
    pending                        a:ready:other b:gone           no-worker
    pending                        a:busy b:unsure                all-busy
    pending                        a:ready b:busy                 next
    pending held=1                 a:ready                        held
    pending held=1                 nobody                         held no-worker
    pending ready=1                a:ready                        not-before
    pending ready=1 failures=2     a:ready                        waits-for-retry
    pending ready=-1 failures=2    a:ready                        next
    pending held=1 ready=1         a:busy                         held not-before all-busy
    pending deadline=1             a:ready                        next deadline
    pending deadline=1             a:busy                         all-busy deadline
    pending deadline=0             a:ready                        deadline-passed
    pending                        a:ready:small                  no-worker-fits
    pending                        a:ready:aside                  no-worker-fits
    pending                        a:quarantined:aside b:busy     all-busy
    pending avoid=a                a:ready                        next              (waived: nobody else)
    pending avoid=a                a:ready b:busy                 all-busy          (b could, so a may not)
    pending avoid=a                a:ready b:ready:small          next
    pending avoid=a                a:ready b:ready:aside          next
    pending avoid=a                a:ready b:ready:other          next
    pending avoid=a,b              a:busy b:ready                 next
    running                        a:ready                        running
    done                           a:ready                        done
    failed                         nobody                         failed
    cancelled                      nobody                         cancelled
  `;
  for (const { line, cells } of parseTable(table, 3)) {
    const [job, workers, wanted] = cells as [Cell, Cell, Cell];
    const { reasons } = explain(factsOf(toJob(job), { workers: toWorkers(workers) }));
    expect([line, reasons.map(({ code }) => code).join(" ")]).toEqual([line, wanted.word]);
  }
});

test("explain() judges each worker as the dispatcher does", () => {
  const table = `
    pending             a:ready               free
    pending             a:busy                busy
    pending             a:unsure              unsure
    pending             a:gone                gone
    pending             a:quarantined         free     (its time was just over)
    pending             a:ready:other         other-type
    pending             a:ready:small         payload-too-large
    pending             a:ready:aside         set-aside
    pending avoid=a     a:ready               free
    pending avoid=a     a:ready b:busy        avoided busy
    pending avoid=a     a:busy b:ready        avoided free
    pending avoid=a     a:ready b:ready:other  free other-type
    running             a:ready               nothing
  `;
  for (const { line, cells } of parseTable(table, 3)) {
    const [job, workers, wanted] = cells as [Cell, Cell, Cell];
    const verdicts = explain(factsOf(toJob(job), { workers: toWorkers(workers) })).workers;
    const told = verdicts.map(({ code }) => code).join(" ") || "nothing";
    expect([line, told]).toEqual([line, wanted.word]);
    for (const { code, isFit } of verdicts) {
      expect([line, isFit]).toEqual([line, ["free", "busy", "unsure"].includes(code)]);
    }
  }
});

test("explain() tells the place in the queue, and when it is only counted so far", () => {
  const workers = toWorkers({ word: "a:busy", settings: new Map() });
  const told = (before: number, isCapped: boolean) => {
    const queue = { before, isCapped };
    return explain(factsOf(aJob("pending"), { workers, queue })).summary;
  };
  expect(told(1, false)).toStartWith("1 job of its type is given out before it.");
  expect(told(12, false)).toStartWith("12 jobs of its type are given out before it.");
  expect(told(1000, true)).toStartWith("At least 1000 jobs");
  expect(told(0, false)).toStartWith("The one worker that may have it is at work.");
});

test("explain() says when things change by themselves, and what a person could do", () => {
  const of = (job: Job, given: Partial<ExplainFacts> = {}) =>
    explain(factsOf(job, given)).reasons.map(({ code, until, remedy }) => [code, until, remedy]);
  const aside = toWorkers({ word: "a:quarantined:aside", settings: new Map() });
  expect(of(aJob("pending", { readyAt: inAMinute, failures: 1 }), { workers: aside })).toEqual([
    ["waits-for-retry", inAMinute, null],
    ["no-worker-fits", inAMinute, expect.stringContaining("connect another")],
  ]);
  expect(of(aJob("failed"))).toEqual([["failed", null, expect.stringContaining("retry")]]);
  expect(of(aJob("pending", { held: true }))[0]?.[2]).toContain("unhold");
  expect(of(aJob("pending"), { isGiving: false })[0]).toEqual([
    "not-giving",
    null,
    expect.any(String),
  ]);
});

test("explain() tells that the group of a job is full, and only then", () => {
  const options = { ...noOptions, groupRunningMax: 3 };
  const job = aJob("pending", { group: "night", options });
  const workers = toWorkers({ word: "a:ready", settings: new Map() });
  const told = (groupRunningCount: number) => explain(factsOf(job, { workers, groupRunningCount }));
  expect(told(3).summary).toBe(
    "Its group night runs 3 of at most 3 jobs. It goes on when one of them ends.",
  );
  expect(told(3).reasons.map(({ code }) => code)).toEqual(["group-full"]);
  expect(told(2).reasons.map(({ code }) => code)).toEqual(["next"]);
});

test("explain() tells who runs a job since when, and that its worker is away", () => {
  const job = aJob("running", { worker: { id: "w1", name: "closet" }, n: 3 });
  const since = toInstantText(job.attempt.startedAt);
  expect(explain(factsOf(job, {})).summary).toBe(
    `It runs on closet (w1) since ${since}, as attempt 3.`,
  );
  const away = explain(factsOf(job, { isHeldByConnected: false }));
  expect(away.reasons.map(({ code }) => code)).toEqual(["running", "worker-away"]);
});

test("explain() measures waits by the clock that is not set back", () => {
  const job = aJob("pending", { readyAt: now + 10 });
  const workers = toWorkers({ word: "a:ready", settings: new Map() });
  const codes = (dueAt: number) =>
    explain(factsOf(job, { dueAt, workers })).reasons.map(({ code }) => code);
  expect(codes(now)).toEqual(["not-before"]);
  expect(codes(now + 10)).toEqual(["next"]);
});
