// What every provider of jobs promises, told once and run for each of them: adding, finding, saving, removing.
// The other files of this name tell of the order to give out, of listings and of bytes.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JobStore } from "../../src/store/job-store.ts";
import { aWorker, now } from "../support/a-job.ts";
import { aNewJob, anEvent, anId, aWorkerRecord, smallContent } from "../support/builders.ts";
import {
  addJob,
  changeOf,
  claimBy,
  failOf,
  putStep,
  removeJob,
  requireJob,
  runToDone,
} from "../support/store-steps.ts";
import { describeContents } from "./job-store-contents.ts";
import { describeListings } from "./job-store-listings.ts";
import { describeOrder } from "./job-store-order.ts";
import { describeSoon } from "./job-store-soon.ts";
import { describeRetention } from "./job-store-retention.ts";

export type OpenedJobStore = {
  /** Pages hold three jobs. */
  readonly jobs: JobStore;
  close(): Promise<void>;
};

export function describeJobStore(provider: string, open: () => Promise<OpenedJobStore>): void {
  describe(`${provider} job store`, () => {
    let opened: OpenedJobStore;
    const jobs = () => opened.jobs;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    describe("adding and finding", () => describeAdding(jobs));
    describe("saving", () => describeSaving(jobs));
    describe("removing", () => describeRemoving(jobs));
    describe("history", () => describeHistory(jobs));
    describe("what is kept beside jobs", () => describeBeside(jobs));
    describeOrder(jobs);
    describeListings(jobs);
    describeContents(jobs);
    describeRetention(jobs);
    describeSoon(jobs);

    test("close() may be called twice, and every verb rejects after it", async () => {
      await jobs().close();
      await jobs().close();
      const sentence = (error: Error) => error.message;
      expect(await jobs().counts().catch(sentence)).toMatch(/closed/);
      expect(await jobs().add([aNewJob()]).catch(sentence)).toMatch(/closed/);
    });
  });
}

function describeAdding(jobs: () => JobStore): void {
  test("add() keeps everything that was submitted, and find() tells it by number, id and key", async () => {
    const job = aNewJob({
      key: "fold/1",
      type: "fold",
      priority: "immediate",
      payload: smallContent("bytes", "text/plain"),
      description: "A run.",
      labels: '{"a":1}',
      group: "night",
      options: {
        maxAttempts: 5,
        timeoutMs: 1_000,
        notBefore: now + 5,
        deadline: now + 50,
        hold: true,
        groupRunningMax: 7,
        requires: "cpus=2,mem=8GiB,tag:x",
      },
      fromId: anId(),
    });
    const seq = await addJob(jobs(), job);
    const { inline: _, ...payload } = job.payload;
    const found = await requireJob(jobs(), seq);
    expect(found).toStrictEqual({
      ...job,
      payload: { ...payload, name: found.payload.name },
      seq,
      batch: 0,
      revision: 0,
      attempt: null,
      failures: 0,
      crashes: 0,
      penalty: 0,
      retriedAfter: 0,
      avoid: [],
      changedAt: now,
      info: null,
      status: "pending",
      readyAt: now + 5,
      held: true,
    });
    expect(await jobs().find({ by: "id", id: job.id })).toStrictEqual(found);
    expect(await jobs().find({ by: "key", key: "fold/1" })).toStrictEqual(found);
  });

  test("find() answers null for a number, an id and a key that nobody has", async () => {
    await addJob(jobs(), aNewJob());
    expect(await jobs().find({ by: "seq", seq: 2 })).toBeNull();
    expect(await jobs().find({ by: "id", id: anId() })).toBeNull();
    expect(await jobs().find({ by: "id", id: "no id at all" })).toBeNull();
    expect(await jobs().find({ by: "key", key: "nobody" })).toBeNull();
    expect(await jobs().find({ by: "key", key: anId() })).toBeNull();
  });

  test("add() lets a job's id serve as its key", async () => {
    const id = anId();
    const seq = await addJob(jobs(), aNewJob({ id, key: id }));
    const found = await jobs().find({ by: "key", key: id });
    expect(found).toMatchObject({ seq, id, key: id });
  });

  test("find() by key does not take the id of a job that has another key", async () => {
    const job = aNewJob({ key: "named" });
    await addJob(jobs(), job);
    expect(await jobs().find({ by: "key", key: job.id })).toBeNull();
  });

  test("add() refuses a taken key and only that job, and uses no number for it [GL-50]", async () => {
    const [first, second, third] = await jobs().add([
      aNewJob({ key: "a" }),
      aNewJob({ key: "a" }),
      aNewJob({ key: "b" }),
    ]);
    expect(first).toMatchObject({ kind: "added", seq: 1 });
    expect(second).toEqual({ kind: "key-taken" });
    expect(third).toMatchObject({ kind: "added", seq: 2 });
    expect(await jobs().count({})).toBe(2);
  });

  test("add() tells keys apart by case and by every character [GL-50]", async () => {
    const keys = ["a", "A", "ä", "a ", "a/b", "a/B", "\u{1f600}"];
    const added = await jobs().add(keys.map((key) => aNewJob({ key })));
    expect(added.map(({ kind }) => kind)).toEqual(keys.map(() => "added"));
    for (const key of keys) expect((await jobs().find({ by: "key", key }))?.key).toBe(key);
  });

  test("add() refuses an id that stands already", async () => {
    const id = anId();
    await addJob(jobs(), aNewJob({ id, key: id }));
    expect(await jobs().add([aNewJob({ id, key: id })])).toEqual([{ kind: "key-taken" }]);
    expect(await jobs().count({})).toBe(1);
  });

  test("add() of one key at the same time lets exactly one in [GL-50]", async () => {
    const calls = Array.from({ length: 20 }, () => jobs().add([aNewJob({ key: "same" })]));
    const kinds = (await Promise.all(calls)).map(([added]) => added?.kind);
    expect(kinds.filter((kind) => kind === "added")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "key-taken")).toHaveLength(19);
  });

  test("add() of nothing answers with nothing", async () => {
    expect(await jobs().add([])).toEqual([]);
    expect(await jobs().save([])).toEqual([]);
    expect(await jobs().remove([])).toEqual([]);
  });

  test("add() numbers jobs in the order in which they came, over several calls of one turn", async () => {
    const calls = ["a", "b", "c"].map((key) => jobs().add([aNewJob({ key })]));
    const added = (await Promise.all(calls)).flat();
    expect(added).toMatchObject([{ seq: 1 }, { seq: 2 }, { seq: 3 }]);
  });

  test("add() takes more jobs than one commit carries", async () => {
    const added = await jobs().add(Array.from({ length: 2_345 }, () => aNewJob()));
    const seqs = added.map((answer) => (answer.kind === "added" ? answer.seq : 0));
    expect(seqs).toEqual(Array.from({ length: 2_345 }, (_, index) => index + 1));
    expect(await jobs().count({})).toBe(2_345);
  });
}

function describeSaving(jobs: () => JobStore): void {
  test("save() writes a claim with its attempt", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, claimBy("w1", now + 1));
    const attempt = {
      n: 1,
      worker: aWorker("w1"),
      startedAt: now + 1,
      tokenHash: new Uint8Array(32).fill(7),
      leaseMs: null,
    };
    const job = await requireJob(jobs(), seq);
    expect(job).toMatchObject({ status: "running", revision: 1, changedAt: now + 1, attempt });
    expect(job).not.toHaveProperty("readyAt");
  });

  test("save() keeps each job exactly as it was handed in", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const steps = [
      claimBy("w1"),
      failOf(1),
      claimBy("w2", now + 60_000),
      { do: "lose", at: now, attempt: 2, charged: true, elsewhere: true, info: "Gone." },
      { do: "hold", at: now + 1 },
      { do: "unhold", at: now + 2 },
      claimBy("w3"),
      { do: "release", at: now + 3, attempt: 3, info: "Given back." },
      { do: "cancel", at: now + 4, info: "No more." },
      { do: "retry", at: now + 5 },
      claimBy("w1"),
      { do: "damage", at: now + 6, info: "Bad bytes." },
    ] as const;
    for (const step of steps) {
      const change = changeOf(await requireJob(jobs(), seq), step);
      expect(await jobs().save([change])).toMatchObject([{ kind: "saved" }]);
      expect(await requireJob(jobs(), seq)).toStrictEqual(change.job);
    }
  });

  test("save() refuses a change decided on an older revision, and writes nothing of it", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const old = await requireJob(jobs(), seq);
    await putStep(jobs(), seq, { do: "hold", at: now });
    const before = [
      await requireJob(jobs(), seq),
      await jobs().history(seq),
      await jobs().counts(),
    ];
    const change = changeOf(old, claimBy("a"), { logs: "never" });
    expect(await jobs().save([change])).toEqual([{ kind: "conflict" }]);
    const after = [await requireJob(jobs(), seq), await jobs().history(seq), await jobs().counts()];
    expect(after).toEqual(before);
    expect(await jobs().logs(seq)).toEqual([]);
  });

  test("save() lets one of several movers win, also within one turn", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const job = await requireJob(jobs(), seq);
    const calls = ["a", "b", "c"].map((worker) => jobs().save([changeOf(job, claimBy(worker))]));
    const kinds = (await Promise.all(calls)).map(([saved]) => saved?.kind);
    expect(kinds).toEqual(["saved", "conflict", "conflict"]);
    expect((await requireJob(jobs(), seq)).attempt?.worker.id).toBe("a");
  });

  test("save() judges each change of a call for itself", async () => {
    const one = await addJob(jobs(), aNewJob());
    const two = await addJob(jobs(), aNewJob());
    const changes = [];
    for (const seq of [one, two])
      changes.push(changeOf(await requireJob(jobs(), seq), claimBy("a")));
    await putStep(jobs(), one, { do: "hold", at: now });
    expect(await jobs().save(changes)).toMatchObject([{ kind: "conflict" }, { kind: "saved" }]);
  });

  test("save() answers conflict for a job that is gone", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const change = changeOf(await requireJob(jobs(), seq), claimBy("a"));
    await removeJob(jobs(), seq);
    expect(await jobs().save([change])).toEqual([{ kind: "conflict" }]);
  });

  test("save() counts failures and keeps the workers to avoid, newest last [GL-45]", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const lenient = { maxAttempts: 100 };
    for (const [index, worker] of ["a", "b", "a", "c"].entries()) {
      await putStep(jobs(), seq, claimBy(worker, now + index * 10_000_000));
      const job = await requireJob(jobs(), seq);
      const type = { ...typeOf(job.type), ...lenient };
      await putStep(jobs(), seq, failOf(index + 1, now + index * 10_000_000), { type });
    }
    const job = await requireJob(jobs(), seq);
    expect(job).toMatchObject({ failures: 4, penalty: 4, avoid: ["b", "a", "c"] });
  });

  test("save() does not let an uncharged loss enter the workers to avoid", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const lost = { do: "lose", at: now, elsewhere: true, info: "Gone." } as const;
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, { ...lost, attempt: 1, charged: true });
    await putStep(jobs(), seq, claimBy("b"));
    await putStep(jobs(), seq, { ...lost, attempt: 2, charged: false });
    expect(await requireJob(jobs(), seq)).toMatchObject({ crashes: 1, avoid: ["a"] });
  });

  test("save() opens an attempt again that was given up, without a new one", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, claimBy("a"));
    const lost = { do: "lose", at: now, attempt: 1, charged: true, elsewhere: true } as const;
    await putStep(jobs(), seq, { ...lost, info: "Gone." });
    const before = await jobs().attempt(seq, 1);
    await putStep(jobs(), seq, { do: "reopen", at: now, attempt: 1 });
    const attempt = { n: 1, worker: aWorker("a"), tokenHash: claimBy("a").tokenHash };
    expect(await requireJob(jobs(), seq)).toMatchObject({
      status: "running",
      attempt,
      crashes: 0,
      avoid: [],
    });
    expect(await jobs().attempt(seq, 1)).toEqual(before);
    const last = (await jobs().history(seq)).at(-1);
    expect(last).toMatchObject({ change: "reopened", attempt: 1, worker: aWorker("a") });
    await putStep(jobs(), seq, { ...lost, info: "Gone." });
    await putStep(jobs(), seq, claimBy("b"));
    expect(await requireJob(jobs(), seq)).toMatchObject({ attempt: { n: 2 }, avoid: ["a"] });
  });

  test("save() completes a job by a late attempt while another runs", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, { do: "return", at: now, attempt: 1, info: "Unsent." });
    await putStep(jobs(), seq, claimBy("b"));
    const result = smallContent("late");
    await putStep(jobs(), seq, { do: "complete", at: now, attempt: 1, result }, { result });
    const job = await requireJob(jobs(), seq);
    expect(job).toMatchObject({ status: "done", by: 1, attempt: { n: 2, worker: aWorker("b") } });
    const last = (await jobs().history(seq)).at(-1);
    expect(last).toMatchObject({ change: "completed", attempt: 1, worker: null });
  });
}

function typeOf(name: string) {
  return {
    name,
    description: null,
    resultBecomes: null,
    timeoutMs: null,
    maxAttempts: 3,
    maxCrashes: 3,
    resumeGraceMs: 0,
    payloadBytesMax: 0,
  };
}

function describeRemoving(jobs: () => JobStore): void {
  test("remove() takes a job and all that belongs to it away [GL-11]", async () => {
    const job = aNewJob({ key: "gone" });
    const seq = await addJob(jobs(), job);
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, { ...failOf(1), retryable: false }, { logs: "stack" });
    await removeJob(jobs(), seq);
    expect(await jobs().find({ by: "seq", seq })).toBeNull();
    expect(await jobs().find({ by: "id", id: job.id })).toBeNull();
    expect(await jobs().find({ by: "key", key: "gone" })).toBeNull();
    expect(await jobs().logs(seq)).toEqual([]);
    expect(await jobs().count({})).toBe(0);
    expect(await jobs().count({ worker: "a" })).toBe(0);
    expect(await jobs().counts()).toEqual([]);
    expect(
      (await jobs().list({ filter: {}, order: "newest", limit: 9, after: null })).items,
    ).toEqual([]);
  });

  test("remove() leaves one event, which still tells the job's id, key and type [GL-11]", async () => {
    const job = aNewJob({ type: "fold", group: "g" });
    const seq = await addJob(jobs(), job);
    await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
    const event = anEvent({ at: now + 9, status: "cancelled", worker: aWorker("w") });
    await jobs().remove([{ from: 1, seq, event }]);
    const of = { job: seq, id: job.id, key: job.key, type: "fold", group: null };
    const left = { ...event, seq: 3, ...of };
    expect(await jobs().history(seq)).toStrictEqual([left]);
    expect(await jobs().events(0, 10)).toStrictEqual([left]);
  });

  test("remove() frees the key at once [GL-11]", async () => {
    await removeJob(jobs(), await addJob(jobs(), aNewJob({ key: "again" })));
    expect(await jobs().add([aNewJob({ key: "again" })])).toMatchObject([{ kind: "added" }]);
  });

  test("remove() never lets a number be used again", async () => {
    const first = await addJob(jobs(), aNewJob());
    const second = await addJob(jobs(), aNewJob());
    await removeJob(jobs(), second);
    expect(await addJob(jobs(), aNewJob())).toBe(second + 1);
    await removeJob(jobs(), first);
    const events = await jobs().events(0, 100);
    expect(events.map((event) => event.seq)).toEqual([3, 4, 5]);
  });

  test("remove() refuses on another revision, and takes nothing away", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
    const removals = [{ from: 0, seq, event: anEvent() }];
    expect(await jobs().remove(removals)).toEqual([{ kind: "conflict" }]);
    expect(await jobs().remove([{ ...removals[0]!, seq: 77 }])).toEqual([{ kind: "conflict" }]);
    expect(await jobs().history(seq)).toHaveLength(2);
  });

  test("remove() leaves the successors of a job [GL-17]", async () => {
    const parent = aNewJob({ key: "p" });
    const seq = await addJob(jobs(), parent);
    const successor = aNewJob({ key: "p/next", fromId: parent.id });
    const saved = await runToDone(jobs(), seq, smallContent("r"), successor);
    await removeJob(jobs(), seq);
    const next = await requireJob(jobs(), saved.successor ?? 0);
    expect(next).toMatchObject({ key: "p/next", fromId: parent.id, status: "pending" });
    expect(await jobs().inline(next.payload)).toEqual(new TextEncoder().encode("r"));
  });
}

function describeHistory(jobs: () => JobStore): void {
  test("history() tells each move of one job, oldest first", async () => {
    const job = aNewJob({ group: "g" });
    const seq = await addJob(jobs(), job);
    await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, claimBy("a", now + 1));
    await putStep(jobs(), seq, { ...failOf(1, now + 2), retryable: false });
    const of = { job: seq, id: job.id, key: job.key, type: "", group: "g" };
    const silent = { attempt: null, worker: null, reason: null, info: null };
    expect(await jobs().history(seq)).toStrictEqual([
      { ...of, ...silent, seq: 1, at: now, change: "submitted", status: "pending" },
      {
        ...of,
        ...silent,
        seq: 3,
        at: now + 1,
        change: "claimed",
        status: "running",
        attempt: 1,
        worker: aWorker("a"),
      },
      {
        ...of,
        seq: 4,
        at: now + 2,
        change: "failed",
        status: "failed",
        attempt: 1,
        worker: aWorker("a"),
        reason: "error",
        info: "It broke.",
      },
    ]);
  });

  test("events() pages through everything that happened, after a number", async () => {
    for (let count = 0; count < 5; count += 1) await addJob(jobs(), aNewJob());
    const seqs = async (after: number, limit: number) =>
      (await jobs().events(after, limit)).map((event) => event.seq);
    expect(await seqs(0, 2)).toEqual([1, 2]);
    expect(await seqs(2, 2)).toEqual([3, 4]);
    expect(await seqs(4, 2)).toEqual([5]);
    expect(await seqs(5, 2)).toEqual([]);
  });

  test("lastEventSeq() is the number of the newest event, also of one that was taken away", async () => {
    expect(await jobs().lastEventSeq()).toBe(0);
    const seq = await addJob(jobs(), aNewJob());
    expect(await jobs().lastEventSeq()).toBe(1);
    await removeJob(jobs(), seq);
    expect(await jobs().lastEventSeq()).toBe(2);
    expect((await jobs().events(0, 10)).map((event) => event.seq)).toEqual([2]);
  });

  test("history() keeps the name that a worker had when it took the job", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, { ...claimBy("a"), worker: { id: "a", name: "old name" } });
    await putStep(jobs(), seq, { do: "release", at: now, attempt: 1, info: "Back." });
    await putStep(jobs(), seq, { ...claimBy("a"), worker: { id: "a", name: "new name" } });
    const names = (await jobs().history(seq)).map((event) => event.worker?.name ?? null);
    expect(names).toEqual([null, "old name", "old name", "new name"]);
    expect(await jobs().count({ worker: "a" })).toBe(1);
  });

  test("attempt() answers with any try of a job, also one that is over", async () => {
    const seq = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, { ...claimBy("a"), leaseMs: 5_000 });
    await putStep(jobs(), seq, failOf(1));
    await putStep(jobs(), seq, claimBy("b", now + 10_000_000));
    const first = await jobs().attempt(seq, 1);
    expect(first).toMatchObject({ n: 1, worker: { id: "a" }, startedAt: now, leaseMs: 5_000 });
    expect(first?.tokenHash).toEqual(claimBy("a").tokenHash);
    expect(await jobs().attempt(seq, 2)).toMatchObject({ worker: { id: "b" }, leaseMs: null });
    expect(await jobs().attempt(seq, 3)).toBeNull();
    expect(await jobs().attempt(seq + 1, 1)).toBeNull();
    await removeJob(jobs(), seq);
    expect(await jobs().attempt(seq, 1)).toBeNull();
  });

  test("logs() tells what workers said of failures, by attempt", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const other = await addJob(jobs(), aNewJob());
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, failOf(1), { logs: "first\nlines" });
    await putStep(jobs(), seq, claimBy("a", now + 10_000_000));
    await putStep(jobs(), seq, failOf(2), { logs: "" });
    expect(await jobs().logs(seq)).toStrictEqual([
      { attempt: 1, text: "first\nlines" },
      { attempt: 2, text: "" },
    ]);
    expect(await jobs().logs(other)).toEqual([]);
  });
}

function describeBeside(jobs: () => JobStore): void {
  test("setSetting() replaces, setting() answers null for what was never set", async () => {
    expect(await jobs().setting("cluster")).toBeNull();
    await jobs().setSetting("cluster", "a");
    await jobs().setSetting("cluster", "b");
    expect(await jobs().setting("cluster")).toBe("b");
    expect(await jobs().setting("other")).toBeNull();
  });

  test("noteWorkers() remembers workers by id, and what comes later replaces it", async () => {
    expect(await jobs().worker("w")).toBeNull();
    await jobs().noteWorkers([aWorkerRecord("w"), aWorkerRecord("v", { name: "other" })]);
    const later = aWorkerRecord("w", {
      name: "new",
      lastSeenAt: now + 5,
      doneCount: 3,
      failedCount: 1,
    });
    await jobs().noteWorkers([later]);
    expect(await jobs().worker("w")).toStrictEqual(later);
    expect(await jobs().worker("v")).toMatchObject({ name: "other", doneCount: 0 });
  });

  test("noteWorkers() forgets those not seen for longest, beyond the most that it keeps", async () => {
    const records = Array.from({ length: 10_003 }, (_, index) =>
      aWorkerRecord(`w${index}`, { lastSeenAt: now + ((index + 5) % 10_003) }),
    );
    await jobs().noteWorkers(records);
    const oldest = [9_998, 9_999, 10_000].map((index) => jobs().worker(`w${index}`));
    expect(await Promise.all(oldest)).toEqual([null, null, null]);
    expect(await jobs().worker("w10001")).not.toBeNull();
    expect(await jobs().worker("w0")).not.toBeNull();
  });
}
