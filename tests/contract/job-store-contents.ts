// What every provider of jobs promises of bytes: small ones that it keeps, large ones that it refers to, chains.

import { describe, expect, test } from "bun:test";
import type { JobStore } from "../../src/store/job-store.ts";
import { now } from "../support/a-job.ts";
import { aNewJob, largeContent, smallContent } from "../support/builders.ts";
import { addJob, readyOf, removeJob, requireJob, runToDone } from "../support/store-steps.ts";

export function describeContents(jobs: () => JobStore): void {
  describe("small bytes", () => describeSmall(jobs));
  describe("large bytes", () => describeLarge(jobs));
  describe("chains", () => describeChains(jobs));
}

const textOf = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

function describeSmall(jobs: () => JobStore): void {
  test("inline() gives small bytes back, of payloads and of results", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: smallContent("in", "text/plain") }));
    await runToDone(jobs(), seq, smallContent("out", "text/html"));
    const job = await requireJob(jobs(), seq);
    if (job.status !== "done") throw new Error("It is done.");
    expect(job.payload).toMatchObject({ size: 2, contentType: "text/plain" });
    expect(job.result).toMatchObject({ size: 3, contentType: "text/html" });
    expect(job.result.sha256).toBe(smallContent("out").sha256);
    expect(textOf(await jobs().inline(job.payload))).toBe("in");
    expect(textOf(await jobs().inline(job.result))).toBe("out");
  });

  test("inline() gives no bytes at all back as no bytes at all", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: smallContent("") }));
    const { payload } = await requireJob(jobs(), seq);
    expect(await jobs().inline(payload)).toEqual(new Uint8Array(0));
  });

  test("add() keeps no view of a larger buffer, which may be used again", async () => {
    const buffer = new TextEncoder().encode("not mine");
    const payload = { ...smallContent("mine"), inline: buffer.subarray(4) };
    const seq = await addJob(jobs(), aNewJob({ payload }));
    buffer.fill(0);
    const job = await requireJob(jobs(), seq);
    expect(textOf(await jobs().inline(job.payload))).toBe("mine");
  });

  test("inline() answers null for bytes kept elsewhere, gone or never there", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: largeContent("file-1") }));
    const small = await addJob(jobs(), aNewJob());
    const { payload } = await requireJob(jobs(), seq);
    const gone = (await requireJob(jobs(), small)).payload;
    await removeJob(jobs(), small);
    expect(await jobs().inline(payload)).toBeNull();
    expect(await jobs().inline(gone)).toBeNull();
    expect(await jobs().inline({ ...gone, name: "db:77" })).toBeNull();
    expect(await jobs().inline({ ...gone, name: "db:" })).toBeNull();
    expect(await jobs().inline({ ...gone, name: "db:x" })).toBeNull();
  });

  test("the name of small bytes is never given again, so that a late reader gets no other bytes", async () => {
    const first = await addJob(jobs(), aNewJob({ payload: smallContent("old") }));
    const { payload } = await requireJob(jobs(), first);
    await removeJob(jobs(), first);
    await addJob(jobs(), aNewJob({ payload: smallContent("new") }));
    expect(await jobs().inline(payload)).toBeNull();
  });

  test("remove() frees no name of a blob provider for small bytes", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: smallContent("x") }));
    expect(await removeJob(jobs(), seq)).toEqual([]);
  });

  test("small bytes take no part in sharing: each job has its own", async () => {
    const first = await addJob(jobs(), aNewJob({ payload: smallContent("same") }));
    const second = await addJob(jobs(), aNewJob({ payload: smallContent("same") }));
    await removeJob(jobs(), first);
    const { payload } = await requireJob(jobs(), second);
    expect(textOf(await jobs().inline(payload))).toBe("same");
  });
}

function describeLarge(jobs: () => JobStore): void {
  test("add() refers to large bytes by the name that was given", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: largeContent("file-1") }));
    expect((await requireJob(jobs(), seq)).payload.name).toBe("file-1");
    expect(await jobs().usesBlob("file-1")).toBe(true);
    expect(await jobs().usesBlob("file-2")).toBe(false);
  });

  test("add() uses bytes that stand already and answers with the spare name", async () => {
    const [first] = await jobs().add([aNewJob({ payload: largeContent("file-1", "same") })]);
    const [second] = await jobs().add([aNewJob({ payload: largeContent("file-2", "same") })]);
    expect(first).toMatchObject({ spare: null });
    expect(second).toMatchObject({ spare: "file-2" });
    expect((await requireJob(jobs(), 2)).payload.name).toBe("file-1");
    expect(await jobs().usesBlob("file-2")).toBe(false);
  });

  test("add() sees bytes of the same call, and a standing name that is offered again is not spare", async () => {
    const [, second, third] = await jobs().add([
      aNewJob({ payload: largeContent("file-1", "same") }),
      aNewJob({ payload: largeContent("file-2", "same") }),
      aNewJob({ payload: largeContent("file-1", "same") }),
    ]);
    expect([second, third]).toMatchObject([{ spare: "file-2" }, { spare: null }]);
  });

  test("add() of a taken key records nothing of its bytes", async () => {
    await jobs().add([aNewJob({ key: "a" })]);
    await jobs().add([aNewJob({ key: "a", payload: largeContent("file-1") })]);
    expect(await jobs().usesBlob("file-1")).toBe(false);
  });

  test("save() uses bytes that stand already for a result and answers with the spare name", async () => {
    const seq = await addJob(jobs(), aNewJob({ payload: largeContent("file-1", "same") }));
    const saved = await runToDone(jobs(), seq, largeContent("file-2", "same"));
    expect(saved.spare).toBe("file-2");
    expect(await requireJob(jobs(), seq)).toMatchObject({ result: { name: "file-1" } });
    expect(await removeJob(jobs(), seq)).toEqual(["file-1"]);
  });

  test("remove() answers with the names that nothing refers to any more [GL-11]", async () => {
    const first = await addJob(jobs(), aNewJob({ payload: largeContent("file-1") }));
    const second = await addJob(jobs(), aNewJob({ payload: largeContent("file-1") }));
    await runToDone(jobs(), first, largeContent("file-2"));
    expect(await removeJob(jobs(), first)).toEqual(["file-2"]);
    expect(await jobs().usesBlob("file-1")).toBe(true);
    expect(await removeJob(jobs(), second)).toEqual(["file-1"]);
    expect(await jobs().usesBlob("file-1")).toBe(false);
  });

  test("add() takes freed bytes under their new name", async () => {
    const first = await addJob(jobs(), aNewJob({ payload: largeContent("file-1", "same") }));
    await removeJob(jobs(), first);
    const [again] = await jobs().add([aNewJob({ payload: largeContent("file-2", "same") })]);
    expect(again).toMatchObject({ kind: "added", spare: null });
    expect(await jobs().usesBlob("file-1")).toBe(false);
    expect(await jobs().usesBlob("file-2")).toBe(true);
  });

  test("small bytes and large bytes with the same hash are kept apart", async () => {
    const large = { ...smallContent("same"), name: "file-1", inline: null };
    const seq = await addJob(jobs(), aNewJob({ payload: smallContent("same") }));
    const [added] = await jobs().add([aNewJob({ payload: large })]);
    expect(added).toMatchObject({ spare: null });
    const { payload } = await requireJob(jobs(), seq);
    expect(textOf(await jobs().inline(payload))).toBe("same");
    expect(await jobs().usesBlob("file-1")).toBe(true);
  });
}

function describeChains(jobs: () => JobStore): void {
  const successorOf = (parent: { readonly id: string }, key: string) =>
    aNewJob({ key, type: "next", fromId: parent.id, payload: largeContent("ignored") });

  test("save() adds the successor with the result as its payload: no bytes are copied [GL-17]", async () => {
    const parent = aNewJob({ key: "p", group: "g" });
    const seq = await addJob(jobs(), parent);
    const saved = await runToDone(
      jobs(),
      seq,
      smallContent("handed on"),
      successorOf(parent, "p/next"),
    );
    expect(saved.successor).toBe(2);
    const next = await requireJob(jobs(), 2);
    const done = await requireJob(jobs(), seq);
    expect(next).toMatchObject({ key: "p/next", type: "next", fromId: parent.id, batch: 0 });
    expect(next).toMatchObject({ status: "pending", revision: 0 });
    expect(done.status === "done" && done.result.name).toBe(next.payload.name);
    expect(textOf(await jobs().inline(next.payload))).toBe("handed on");
    expect(await jobs().usesBlob("ignored")).toBe(false);
    const events = (await jobs().events(0, 10)).map(({ job, change }) => [job, change]);
    expect(events.slice(-2)).toEqual([
      [1, "completed"],
      [2, "submitted"],
    ]);
    const ready = await readyOf(jobs(), { types: ["next"], at: now });
    expect(ready.map((job) => job.seq)).toEqual([2]);
  });

  test("save() lets the id serve a successor whose key is taken [GL-17]", async () => {
    const parent = aNewJob({ key: "p" });
    const seq = await addJob(jobs(), parent);
    await addJob(jobs(), aNewJob({ key: "p/next" }));
    const successor = successorOf(parent, "p/next");
    const saved = await runToDone(jobs(), seq, smallContent("r"), successor);
    const next = await requireJob(jobs(), saved.successor ?? 0);
    expect(next.key).toBe(successor.id);
    expect(await jobs().find({ by: "key", key: successor.id })).toEqual(next);
  });

  test("bytes shared by a chain stay until the last job that refers to them goes [GL-17]", async () => {
    const parent = aNewJob({ key: "p" });
    const seq = await addJob(jobs(), parent);
    const successor = successorOf(parent, "p/next");
    await runToDone(jobs(), seq, largeContent("file-r"), successor);
    expect(await removeJob(jobs(), seq)).toEqual([]);
    expect(await jobs().usesBlob("file-r")).toBe(true);
    expect(await removeJob(jobs(), 2)).toEqual(["file-r"]);
  });

  test("save() of a conflict adds no successor [GL-17]", async () => {
    const parent = aNewJob({ key: "p" });
    const seq = await addJob(jobs(), parent);
    await runToDone(jobs(), seq, smallContent("r"));
    const job = await requireJob(jobs(), seq);
    const [event] = await jobs().history(seq);
    const successor = successorOf(parent, "p/next");
    const stale = { from: 0, job, event: event!, attempt: null, logs: null };
    const result = largeContent("file-x");
    const [saved] = await jobs().save([{ ...stale, result, successor }]);
    expect(saved).toEqual({ kind: "conflict" });
    expect(await jobs().count({})).toBe(1);
    expect(await jobs().usesBlob("file-x")).toBe(false);
  });
}
