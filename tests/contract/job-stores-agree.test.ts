// The memory store and the SQLite store are put to the same random work and must never be told apart.

import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Job, JobSeq } from "../../src/domain/job.ts";
import type { Shape } from "../../src/domain/shape.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { now } from "../support/a-job.ts";
import { anEvent, aWorkerRecord } from "../support/builders.ts";
import { createSqlitePlace, type SqlitePlace } from "../support/sqlite-store.ts";
import { createChance, stepNames, typeNames, type Chance } from "../support/store-chance.ts";

const seedCount = Number(Bun.env["SEEDS"] ?? 6);
const firstSeed = Number(Bun.env["SEED"] ?? 1);
const roundCount = 300;

const done = new Map<string, number>();
const note = (what: string) => done.set(what, (done.get(what) ?? 0) + 1);

let place: SqlitePlace;
beforeEach(() => {
  place = createSqlitePlace();
});
afterEach(() => place.remove());

for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
  test(
    `both stores answer the same to the random work of SEED=${seed}`,
    () => workBoth(seed),
    60_000,
  );
}

test.if(seedCount >= 6)("the random work did everything at least once", () => {
  const everything = [
    ...stepNames.map((name) => `step ${name}`),
    "added",
    "key-taken",
    "saved",
    "conflict",
    "removed",
    "spare",
    "freed",
    "successor",
    "successor's key taken",
    "reopened",
    "same turn",
    "ready",
    "shape",
    "due",
    "avoid",
    "next page",
  ];
  expect(everything.filter((what) => !done.has(what))).toEqual([]);
});

type Both = { readonly memory: JobStore; sqlite: JobStore };
type Run = { readonly both: Both; readonly chance: Chance; at: number; lastSeq: JobSeq };

async function workBoth(seed: number): Promise<void> {
  const both: Both = { memory: createMemoryJobStore({ batchSize: 3 }), sqlite: place.open() };
  const run: Run = { both, chance: createChance(seed), at: now, lastSeq: 0 };
  try {
    for (let round = 0; round < roundCount; round += 1) {
      run.at += run.chance.below(4_000);
      await work(run);
      await compare(run);
    }
  } finally {
    await both.sqlite.close();
  }
}

/** Asks both; the answers must be the same. */
async function ask<Answer>(run: Run, of: (jobs: JobStore) => Promise<Answer>): Promise<Answer> {
  const expected = await of(run.both.memory);
  expect(await of(run.both.sqlite)).toStrictEqual(expected);
  return expected;
}

async function work(run: Run): Promise<void> {
  const { chance } = run;
  const kind = chance.below(100);
  if (kind < 20) return addSome(run);
  if (kind < 28) return removeOne(run);
  if (kind < 38) return moveSameTurn(run);
  if (kind < 42) return workBeside(run);
  if (kind < 44) return reopen(run);
  return moveOne(run);
}

async function addSome(run: Run): Promise<void> {
  const count = 1 + run.chance.below(3);
  const jobs = Array.from({ length: count }, () => run.chance.newJob(run.at));
  for (const added of await ask(run, (store) => store.add(jobs))) {
    note(added.kind);
    if (added.kind === "added" && added.spare !== null) note("spare");
    if (added.kind === "added") run.lastSeq = added.seq;
  }
}

async function moveOne(run: Run): Promise<void> {
  const job = await someJob(run);
  const change = job === null ? null : run.chance.change(job, run.at);
  if (change === null) return;
  const [saved] = await ask(run, (store) => store.save([change.of]));
  note(saved!.kind);
  if (saved!.kind === "conflict") return;
  note(`step ${change.did}`);
  if (saved!.successor !== null) {
    run.lastSeq = saved!.successor;
    note("successor");
    const next = await ask(run, (store) => store.find({ by: "seq", seq: run.lastSeq }));
    if (next?.key === next?.id) note("successor's key taken");
  }
}

/** Several moves decided on the same job, and others beside them, handed in before any is committed. */
async function moveSameTurn(run: Run): Promise<void> {
  const one = await someJob(run);
  const two = await someJob(run);
  const chosen = [one, one, two].filter((job) => job !== null);
  const changes = chosen
    .map((job) => run.chance.change(job, run.at))
    .filter((made) => made !== null);
  const added = run.chance.newJob(run.at);
  await ask(run, async (store) => {
    const saves = changes.map(({ of }) => store.save([of]));
    return Promise.all([...saves, store.add([added])]);
  });
  const found = await ask(run, (store) => store.list(newest(1)));
  run.lastSeq = Math.max(run.lastSeq, found.items[0]?.seq ?? 0);
  if (changes.length > 1) note("same turn");
}

const newest = (limit: number) => ({ filter: {}, order: "newest", limit, after: null }) as const;

async function removeOne(run: Run): Promise<void> {
  const job = await someJob(run);
  if (job === null) return;
  const from = run.chance.happens(0.9) ? job.revision : job.revision + 1;
  const removal = { from, seq: job.seq, event: anEvent({ at: run.at, status: job.status }) };
  const [removed] = await ask(run, (store) => store.remove([removal]));
  note(removed!.kind);
  if (removed!.kind === "removed" && removed!.freed.length > 0) note("freed");
}

async function workBeside(run: Run): Promise<void> {
  const { chance } = run;
  const record = aWorkerRecord(chance.pick(["w1", "w2"]), { lastSeenAt: run.at });
  await ask(run, (store) => store.noteWorkers([record]));
  const declared = [chance.happens(0.1) ? "declared" : "a"];
  await ask(run, (store) => store.declareTypes(declared));
  await ask(run, (store) => store.setSetting("name", String(run.at)));
}

async function reopen(run: Run): Promise<void> {
  await run.both.sqlite.close();
  run.both.sqlite = place.open();
  note("reopened");
}

async function someJob(run: Run): Promise<Job | null> {
  const seq = run.chance.below(run.lastSeq + 1);
  return run.both.memory.find({ by: "seq", seq });
}

async function compare(run: Run): Promise<void> {
  const { chance, at } = run;
  const seq = chance.below(run.lastSeq + 2);
  const job = await ask(run, (store) => store.find({ by: "seq", seq }));
  if (job !== null) await compareOne(run, job);
  await ask(run, (store) => store.history(seq));
  await ask(run, (store) => store.logs(seq));
  const n = 1 + chance.below(4);
  await ask(run, (store) => store.attempt(seq, n));
  await compareOrder(run);
  await ask(run, (store) => store.counts());
  await ask(run, (store) => store.group("g"));
  await ask(run, (store) => store.types());
  const query = chance.query(at, run.lastSeq);
  const page = await ask(run, (store) => store.list(query));
  if (page.next !== null) note("next page");
  await ask(run, (store) => store.count(query.filter));
  const after = chance.below(run.lastSeq * 3 + 1);
  await ask(run, (store) => store.events(after, 20));
  await ask(run, (store) => store.lastEventSeq());
  const name = chance.largeName();
  await ask(run, (store) => store.usesBlob(name));
  const [type, batch] = [chance.pick(typeNames), chance.below(8)];
  await ask(run, (store) => store.isBatchFull(type, batch));
  await ask(run, (store) => store.worker("w1"));
  await ask(run, (store) => store.setting("name"));
}

async function compareOne(run: Run, job: Job): Promise<void> {
  if (job.avoid.length > 0) note("avoid");
  expect(await ask(run, (store) => store.find({ by: "id", id: job.id }))).toEqual(job);
  expect(await ask(run, (store) => store.find({ by: "key", key: job.key }))).toEqual(job);
  await ask(run, (store) => store.inline(job.payload));
  if (job.status === "done") await ask(run, (store) => store.inline(job.result));
}

async function compareOrder(run: Run): Promise<void> {
  const { chance } = run;
  const at = run.at - (chance.happens(0.2) ? chance.below(5_000) : 0); // Now and then the clock is set back.
  const types = typeNames.filter(() => chance.happens(0.7));
  const limit = 1 + chance.below(10);
  const shapes = (await ask(run, (store) => inOrder(store.shapes(types))))
    .filter(() => chance.happens(0.8))
    .map((shape) => ({ ...shape, limit: 1 + chance.below(10) }));
  const ready = await ask(run, (store) => store.ready({ shapes, at, limit }));
  if (shapes.some(({ requires }) => requires !== "")) note("shape");
  if (ready.length > 0) note("ready");
  const due = await ask(run, (store) => store.due(at, limit));
  if (due.length > 0) note("due");
  await ask(run, (store) => store.nextDue(run.at));
}

/** Shapes come in no order. */
async function inOrder(shapes: Promise<readonly Shape[]>): Promise<readonly Shape[]> {
  const nameOf = ({ type, requires }: Shape) => `${type} ${requires}`;
  return (await shapes).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
