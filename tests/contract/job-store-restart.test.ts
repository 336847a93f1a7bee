// What the SQLite store promises beyond one life of the process: the same answers after it was opened again.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import type { JobStore } from "../../src/store/job-store.ts";
import { noOptions, now } from "../support/a-job.ts";
import { aNewJob, aWorkerRecord, largeContent, smallContent } from "../support/builders.ts";
import { createSqlitePlace, type SqlitePlace } from "../support/sqlite-store.ts";
import {
  addJob,
  changeOf,
  claimBy,
  failOf,
  putStep,
  readyOf,
  removeJob,
  requireJob,
  runToDone,
} from "../support/store-steps.ts";

let place: SqlitePlace;
let jobs: JobStore;
beforeEach(() => {
  place = createSqlitePlace();
  jobs = place.open();
});
afterEach(async () => {
  await jobs.close();
  place.remove();
});

async function reopen(batchSize = 3): Promise<void> {
  await jobs.close();
  jobs = place.open({ batchSize });
}

async function everything() {
  const all = { filter: {}, order: "oldest", limit: 100, after: null } as const;
  const { items } = await jobs.list(all);
  return {
    items,
    bytes: await Promise.all(items.map((job) => jobs.inline(job.payload))),
    ready: await readyOf(jobs, { types: ["a", "b"] }),
    nextDue: await jobs.nextDue(now),
    counts: await jobs.counts(),
    types: await jobs.types(),
    events: await jobs.events(0, 100),
    lastEvent: await jobs.lastEventSeq(),
    logs: await jobs.logs(2),
    worker: await jobs.worker("w"),
    setting: await jobs.setting("cluster"),
    uses: await jobs.usesBlob("file-1"),
  };
}

test("a store that was opened again answers everything as before", async () => {
  const parent = aNewJob({ type: "a" });
  const done = await addJob(jobs, parent);
  const failed = await addJob(jobs, aNewJob({ type: "a", payload: largeContent("file-1") }));
  await addJob(jobs, aNewJob({ type: "a", priority: "immediate" }));
  await addJob(jobs, aNewJob({ type: "b" }));
  await runToDone(jobs, done, smallContent("r"), aNewJob({ type: "b", fromId: parent.id }));
  await putStep(jobs, failed, claimBy("w"));
  await putStep(jobs, failed, failOf(1), { logs: "stack" });
  await removeJob(jobs, 4);
  await jobs.noteWorkers([aWorkerRecord("w", { doneCount: 4 })]);
  await jobs.setSetting("cluster", "c");
  await jobs.declareTypes(["c"]);
  const before = await everything();
  await reopen();
  expect(await everything()).toStrictEqual(before);
});

test("numbers are never used again after a restart, also not those of the newest rows [GL-50]", async () => {
  await addJob(jobs, aNewJob());
  const newest = await addJob(jobs, aNewJob({ payload: smallContent("old") }));
  const { payload } = await requireJob(jobs, newest);
  await removeJob(jobs, newest);
  await reopen();
  expect(await addJob(jobs, aNewJob({ payload: smallContent("new") }))).toBe(newest + 1);
  expect(await jobs.inline(payload)).toBeNull();
  const seqs = (await jobs.events(0, 10)).map((event) => event.seq);
  expect(seqs).toEqual([1, 3, 4]);
});

test("pages go on where they were, and a full one stays full under another page size [GL-14]", async () => {
  const add = async () => (await jobs.add([aNewJob({ type: "a" })]))[0];
  for (let count = 0; count < 5; count += 1) await add();
  await reopen(10);
  expect(await jobs.isBatchFull("a", 0)).toBe(true);
  expect(await jobs.isBatchFull("a", 1)).toBe(false);
  expect(await add()).toMatchObject({ batch: 1 });
  await reopen(2);
  expect(await jobs.isBatchFull("a", 1)).toBe(true);
  expect(await add()).toMatchObject({ batch: 2 });
  expect(await jobs.isBatchFull("a", 2)).toBe(false);
  expect(await add()).toMatchObject({ batch: 2 });
  expect(await jobs.isBatchFull("a", 2)).toBe(true);
});

test("a waiting job whose time came while the server was down is ready at once", async () => {
  const seq = await addJob(jobs, aNewJob());
  await putStep(jobs, seq, claimBy("a"));
  await putStep(jobs, seq, failOf(1));
  await reopen();
  expect(await readyOf(jobs, { types: [""] })).toEqual([]);
  const later = { types: [""], at: now + 10_000_000 };
  expect(await readyOf(jobs, later)).toHaveLength(1);
  await reopen();
  expect(await readyOf(jobs, later)).toHaveLength(1);
});

test("changes under way when the store is closed are written before it closes", async () => {
  const added = jobs.add([aNewJob({ key: "last" })]);
  await jobs.close();
  expect(await added).toMatchObject([{ kind: "added" }]);
  jobs = place.open();
  expect(await jobs.find({ by: "key", key: "last" })).not.toBeNull();
});

test("one bad row fails only its caller, and everything in memory stays as it is on disk", async () => {
  const bad = aNewJob({ payload: { ...smallContent("x"), sha256: "00" }, type: "never" });
  const calls = [
    jobs.add([aNewJob({ key: "before", type: "a" })]),
    jobs.add([aNewJob({ key: "beside", type: "b" }), bad]),
    jobs.add([aNewJob({ key: "after", type: "a" })]),
  ];
  const [first, second, third] = await Promise.allSettled(calls);
  expect(first).toMatchObject({ status: "fulfilled", value: [{ kind: "added", seq: 1 }] });
  expect(second).toMatchObject({ status: "rejected" });
  expect(third).toMatchObject({ status: "fulfilled", value: [{ kind: "added", seq: 2 }] });
  expect(await jobs.find({ by: "key", key: "beside" })).toBeNull();
  expect(await jobs.counts()).toEqual([{ type: "a", status: "pending", count: 2 }]);
  expect(await jobs.types()).toEqual([{ name: "a", unsettled: 2 }]);
  const before = await everything();
  await reopen();
  expect(await everything()).toStrictEqual(before);
});

test("shapes that no job has any more are taken away when the store is opened again", async () => {
  const limited = (group: string) =>
    aNewJob({ group, options: { ...noOptions, groupRunningMax: 1 } });
  const gone = await addJob(jobs, limited("gone"));
  const done = await addJob(jobs, limited("done"));
  await addJob(jobs, limited("waits"));
  await runToDone(jobs, done, smallContent("r"));
  await removeJob(jobs, gone);
  const left = () =>
    behindItsBack((db) =>
      db.query<{ requires: string }, []>("SELECT requires FROM shape ORDER BY id").values(),
    );
  const [ofGone, ofDone, ofWaits] = ["gone", "done", "waits"].map((group) => [
    `{"group":"${group}","group_running_max":1}`,
  ]);
  await jobs.close();
  expect(left()).toEqual([ofGone!, ofDone!, ofWaits!]);
  jobs = place.open();
  expect(await jobs.shapes([""])).toEqual([{ type: "", requires: ofWaits![0]! }]);
  await addJob(jobs, limited("gone"));
  expect(await readyOf(jobs, { types: [""] })).toHaveLength(2);
  await jobs.close();
  expect(left()).toEqual([ofDone!, ofWaits!, ofGone!]);
  jobs = place.open();
  expect(await jobs.shapes([""])).toHaveLength(2);
});

test("a shape first met by a change that failed can be met again", async () => {
  const options = { ...noOptions, groupRunningMax: 1 };
  const bad = aNewJob({ payload: { ...smallContent("x"), sha256: "00" }, group: "g", options });
  const [failed] = await Promise.allSettled([jobs.add([aNewJob({ group: "g", options }), bad])]);
  expect(failed).toMatchObject({ status: "rejected" });
  expect(await jobs.shapes([""])).toEqual([]);
  await addJob(jobs, aNewJob({ group: "h", options }));
  await addJob(jobs, aNewJob({ group: "g", options }));
  const ready = await readyOf(jobs, { types: [""] });
  expect(ready.map(({ group }) => group)).toEqual(["h", "g"]);
  await reopen();
  expect(await jobs.shapes([""])).toHaveLength(2);
});

test("a worker first met by a change that failed can be met again", async () => {
  const one = await addJob(jobs, aNewJob());
  const two = await addJob(jobs, aNewJob());
  await putStep(jobs, two, claimBy("known"));
  const result = { ...smallContent("x"), sha256: "00" };
  const complete = { do: "complete", at: now, attempt: 1, result } as const;
  const bad = changeOf(await requireJob(jobs, two), complete, { result });
  const claim = changeOf(await requireJob(jobs, one), claimBy("new"));
  const [failed] = await Promise.allSettled([jobs.save([claim, bad])]);
  expect(failed).toMatchObject({ status: "rejected" });
  expect(await jobs.save([claim])).toMatchObject([{ kind: "saved" }]);
  expect(await requireJob(jobs, one)).toMatchObject({ attempt: { worker: { id: "new" } } });
});

test("nothing is visible before the commit at the end of the turn, and changes that came together share it", async () => {
  const turns: (() => void)[] = [];
  await jobs.close();
  jobs = place.open({ atEndOfTurn: (call) => turns.push(call) });
  const calls = ["a", "b", "c"].map((key) => jobs.add([aNewJob({ key })]));
  expect(await jobs.find({ by: "key", key: "a" })).toBeNull();
  expect(await jobs.counts()).toEqual([]);
  expect(turns).toHaveLength(1);
  // The three came together, so the commit looks for more in one further turn, which brings nothing.
  turns.shift()?.();
  expect(await jobs.find({ by: "key", key: "a" })).toBeNull();
  expect(turns).toHaveLength(1);
  turns.shift()?.();
  await Promise.all(calls);
  expect(await jobs.count({})).toBe(3);
  expect(turns).toHaveLength(0);
});

test("ready() writes nothing when nothing is due", async () => {
  await addJob(jobs, aNewJob());
  await addJob(jobs, aNewJob({ options: { ...noOptions, notBefore: now + 50 } }));
  const loggedBytes = () => statSync(`${place.file}-wal`).size;
  const before = loggedBytes();
  await readyOf(jobs, { types: [""], at: now + 49 });
  expect(loggedBytes()).toBe(before);
  await readyOf(jobs, { types: [""], at: now + 50 });
  expect(loggedBytes()).toBeGreaterThan(before);
});

test("workers that nothing refers to are forgotten beyond the most that are kept, others stay", async () => {
  const stays = await addJob(jobs, aNewJob());
  const next = await addJob(jobs, aNewJob());
  const gone = await addJob(jobs, aNewJob());
  await putStep(jobs, stays, claimBy("stays"));
  await jobs.close();
  behindItsBack((db) =>
    db.run(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
      INSERT INTO worker (worker_id, name) SELECT 'idle' || i, 'idle' FROM n`),
  );
  jobs = place.open();
  await putStep(jobs, gone, claimBy("idle7"));
  await removeJob(jobs, gone);
  await jobs.noteWorkers([aWorkerRecord("w")]);
  await putStep(jobs, next, claimBy("idle7"));
  expect(await jobs.count({ worker: "idle7" })).toBe(1);
  expect((await requireJob(jobs, stays)).attempt?.worker.id).toBe("stays");
  await jobs.close();
  const left = behindItsBack((db) =>
    db.query<{ id: string }, []>("SELECT worker_id AS id FROM worker ORDER BY id").all(),
  );
  expect(left).toEqual([{ id: "idle7" }, { id: "stays" }]);
});

/** Reads or changes the file while the store is closed. */
function behindItsBack<Answer>(use: (db: Database) => Answer): Answer {
  const db = new Database(place.file);
  try {
    return use(db);
  } finally {
    db.close(true);
  }
}
