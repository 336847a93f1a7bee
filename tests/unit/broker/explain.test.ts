import { expect, test } from "bun:test";
import { explain, type ExplainFacts } from "../../../src/broker/explain.ts";
import type { WorkerFacts } from "../../../src/broker/judge-workers.ts";
import { toInstantText } from "../../../src/domain/instant-text.ts";
import type { Job, Status } from "../../../src/domain/job.ts";
import { nothingTaken } from "../../../src/domain/requirements.ts";
import type { WorkerState } from "../../../src/domain/worker.ts";
import { aJob, aWorker, noOptions, now } from "../../support/a-job.ts";
import { numberOf, parseTable, refuseUnknown, type Cell } from "../../support/table.ts";

const inAMinute = now + 60_000;

/** `pending held=1 ready=1 deadline=1 failures=2 avoid=a,b type=fold requires=cpus=4`; ready and deadline are minutes from now. */
function toJob(cell: Cell): Job {
  const known = ["held", "ready", "deadline", "failures", "avoid", "type", "priority", "requires"];
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
    options: {
      ...noOptions,
      deadline: minutes("deadline"),
      requires: cell.settings.get("requires") ?? null,
    },
  });
}

/** `nobody`, or workers like `a:ready b:busy:other`: id, state, and what is special about it. `6` has 6 processors, `full` has them taken. */
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
      offers: marks.includes("6") ? { cpus: 6, memoryBytes: null, gpus: 0, tags: ["x"] } : null,
      held: { ...nothingTaken, milliCpus: marks.includes("full") ? 4000 : 0 },
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
    pending requires=cpus=4        a:ready                        no-worker-fits
    pending requires=cpus=4        a:ready b:busy:6               all-busy
    pending requires=cpus=4        a:ready b:ready:6              next
    pending requires=cpus=4        a:ready b:ready:6:full         all-busy
    pending requires=cpus=7        a:ready b:ready:6              no-worker-fits
    pending requires=tag:x         a:ready b:ready:6              next
    pending requires=worker=a      a:ready b:ready:6              next
    pending requires=worker=c      a:ready b:ready:6              no-worker-fits
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
    pending requires=cpus=4          a:ready b:ready:6 c:ready:6:full  requirements free no-room
    pending requires=cpus=4          a:busy b:busy:6:full              requirements busy
    pending requires=cpus=2          b:ready:6:full                    free   (two are left)
    pending requires=tag:x           a:ready b:ready:6:full            requirements free
    pending requires=tag:x avoid=b   a:ready b:ready:6                 requirements free
    pending requires=worker=a        a:ready b:ready:6                 free requirements
    running             a:ready               nothing
  `;
  for (const { line, cells } of parseTable(table, 3)) {
    const [job, workers, wanted] = cells as [Cell, Cell, Cell];
    const verdicts = explain(factsOf(toJob(job), { workers: toWorkers(workers) })).workers;
    const told = verdicts.map(({ code }) => code).join(" ") || "nothing";
    expect([line, told]).toEqual([line, wanted.word]);
    for (const { code, isFit } of verdicts) {
      expect([line, isFit]).toEqual([line, ["free", "busy", "no-room", "unsure"].includes(code)]);
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

test("explain() says what a worker lacks of what a job requires, and which kind of worker would do", () => {
  const mib = 1024 ** 2;
  const offers = { cpus: 4, memoryBytes: 15_700 * mib, gpus: 1, tags: ["y"] };
  const [free] = toWorkers({ word: "a:ready", settings: new Map() }) as [WorkerFacts];
  const told = (requires: string, worker: Partial<WorkerFacts>) => {
    const job = aJob("pending", { options: { ...noOptions, requires } });
    const { summary, workers } = explain(factsOf(job, { workers: [{ ...free, ...worker }] }));
    return [workers[0]?.text, summary] as const;
  };
  const start = "1 worker of its type is connected, and it does not have what the job requires:";
  for (const [requires, text, remedy] of [
    [
      "cpus=8",
      "The job requires 8 processors; it offers 4 processors.",
      "Connect a worker with 8 processors (the most there is now: 4 processors).",
    ],
    [
      "mem=16GiB",
      "The job requires 16 GiB of memory; it offers 15700 MiB of memory.",
      "Connect a worker with 16 GiB of memory (the most there is now: 15700 MiB of memory).",
    ],
    [
      "gpu=2,tag:x,tag:y,tag:z",
      "The job requires the tags x, z, which it does not have.",
      "Connect a worker with 2 GPUs (the most there is now: 1 GPU), started with --tag x --tag z.",
    ],
    [
      "worker=b",
      "The job requires the worker b and no other.",
      "Only the worker b may run it: connect that one.",
    ],
    [
      "tag:x,worker=a",
      "The job requires the tag x, which it does not have.",
      "Connect the worker a started with --tag x.",
    ],
  ] as const) {
    expect(told(requires, { offers })).toEqual([text, `${start} ${requires}. ${remedy}`]);
  }
  expect(told("cpus=1", { offers: null })[0]).toBe(
    "The job has requirements, and this worker's protocol does not tell what it offers.",
  );
  expect(told("cpus=2", { offers, held: { ...nothingTaken, milliCpus: 2500 } })).toEqual([
    "The job requires 2 processors; of its 4 processors the jobs it holds take 2.5 processors.",
    "The one worker that may have it is at work. Connect more, or wait for one.",
  ]);
});

test("explain() says when no single worker has all that is required", () => {
  const job = aJob("pending", { options: { ...noOptions, requires: "cpus=4,tag:x" } });
  const [one, other] = toWorkers({ word: "a:ready b:ready", settings: new Map() });
  const offers = { memoryBytes: null, gpus: 0 };
  const workers = [
    { ...one!, offers: { ...offers, cpus: 8, tags: [] } },
    { ...other!, offers: { ...offers, cpus: 2, tags: ["x"] } },
  ];
  expect(explain(factsOf(job, { workers })).summary).toEndWith(
    "none has what the job requires: cpus=4,tag:x. None of them has all of it: connect one that has.",
  );
});
