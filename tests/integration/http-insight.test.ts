import { expect, test } from "bun:test";
import type { WireExplanation } from "../../src/protocol/http-api.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openReady } from "../support/v2-worker.ts";
import { openWorker, type WsWorker } from "../support/ws-worker.ts";

const explain = async (door: Door, job: string) =>
  (await (await door.call(`/jobs/${job}/explain`)).json()) as WireExplanation;

const codesOf = ({ reasons }: WireExplanation) => reasons.map(({ code }) => code).join(" ");

const fail = (worker: WsWorker, info: string, logs: string) =>
  worker.send(JSON.stringify({ code: 4, info, logs }));

/** Resolves when the worker stands in the listing in this state. */
async function untilState(door: Door, state: string): Promise<void> {
  for (;;) {
    if (door.broker.workers().some((worker) => worker.state === state)) return;
    await door.call("/workers");
  }
}

test("GET /api/jobs/{job}/explain tells why a job waits, and what would change it", async () => {
  await using door = await openDoor();
  await door.submit("first");
  await door.submit("held", "x", "&hold=1");
  await door.submit("later", "x", "&not_before=2999-01-01T00:00:00Z");
  await door.submit("large", "x".repeat(1024 * 1024));
  expect(codesOf(await explain(door, "first"))).toBe("no-worker");
  expect(await explain(door, "held")).toMatchObject({
    job: 2,
    key: "held",
    type: null,
    status: "pending",
    summary: expect.stringContaining("unhold"),
    queue: null,
    workers: [],
  });
  const [later] = (await explain(door, "later")).reasons;
  expect(later).toMatchObject({ code: "not-before", until: "2999-01-01T00:00:00.000Z" });
  using worker = await openWorker(door.api);
  await worker.nextPayload();
  await door.submit("second");
  const waits = await explain(door, "second");
  expect(codesOf(waits)).toBe("queue all-busy");
  expect(waits.queue).toEqual({ before: 1, is_capped: false });
  expect(waits.workers).toEqual([
    {
      connection: expect.any(String),
      id: "w1",
      name: "worker",
      code: "busy",
      is_fit: true,
      text: expect.any(String),
      until: null,
    },
  ]);
  expect(await explain(door, "first")).toMatchObject({ status: "running", workers: [] });
  expect((await explain(door, "first")).summary).toContain("It runs on worker (w1) since");
});

test("GET /api/jobs/{job}/explain tells of workers of other types, and of jobs that are over", async () => {
  await using door = await openDoor({ types: [aType({ name: "fold" }), aType({ name: "cut" })] });
  const submit = (path: string) => door.call(`/jobs/submit/${path}`, { method: "POST", body: "x" });
  await submit("fold?key=a");
  using worker = await openWorker(door.api, "cut");
  await untilState(door, "ready");
  expect((await explain(door, "a")).workers).toMatchObject([{ code: "other-type", is_fit: false }]);
  expect(codesOf(await explain(door, "a"))).toBe("no-worker");
  await submit("cut?key=b&max_attempts=1");
  await worker.nextPayload();
  fail(worker, "too sharp", "");
  await door.call("/jobs/b?wait_s=10");
  const over = await explain(door, "b");
  expect(codesOf(over)).toBe("failed");
  expect(over.summary).toContain("too sharp");
  expect((await door.call("/jobs/none/explain")).status).toBe(404);
});

test("GET /api/jobs/{job}/explain tells that the server gives out nothing", async () => {
  await using door = await openDoor();
  await door.submit("k");
  door.broker.drain();
  expect(codesOf(await explain(door, "k"))).toBe("not-giving no-worker");
});

test("GET /api/jobs/{job}/logs tells what workers said of failures, by attempt [GL-27]", async () => {
  await using door = await openDoor();
  using worker = await openWorker(door.api);
  await door.submit("k", "x", "&max_attempts=1");
  expect(await (await door.call("/jobs/k/logs")).text()).toBe("== job k\n");
  await worker.nextPayload();
  fail(worker, "no such file", "line 1\nline 2");
  await door.call("/jobs/k?wait_s=10");
  const answer = await door.call("/jobs/k/logs");
  expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await answer.text()).toMatch(
    /^== job k\n== attempt 1: failed on worker at \S+Z\nno such file\nline 1\nline 2\n$/,
  );
  expect((await door.call("/jobs/none/logs")).status).toBe(404);
  expect((await door.call("/jobs/none/logs?follow=1")).status).toBe(404);
});

test("GET /api/jobs/{job}/logs?follow=1 tells of attempts as they end, and ends with the job", async () => {
  await using door = await openDoor();
  using worker = await openWorker(door.api);
  await door.submit("k", "x", "&max_attempts=1");
  await door.submit("other", "x", "&hold=1");
  await worker.nextPayload();
  const following = await door.call("/jobs/k/logs?follow=1");
  const text = following.text();
  await door.call("/jobs/other/cancel", { method: "POST" });
  fail(worker, "one", "");
  expect(await text).toMatch(/^== job k\n== attempt 1: failed on worker at \S+Z\none\n$/);
  expect(await (await door.call("/jobs/k/logs?follow=1")).text()).toBe(await text);
});

test("GET /api/jobs/{job}/logs?follow=1 ends when the job is deleted", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const following = await door.call("/jobs/k/logs?follow=1");
  const text = following.text();
  await door.call("/jobs/k/delete", { method: "POST" });
  expect(await text).toBe("== job k\n");
});

test("GET /api/jobs/{job}/logs tells what a job says while it runs, and keeps it when it is done", async () => {
  await using door = await openDoor();
  await using worker = await openReady(door.api);
  await door.submit("k");
  const job = await worker.nextJob();
  const logs = async () => (await door.call("/jobs/k/logs")).text();
  expect(await logs()).toBe("== job k\n");
  const following = (await door.call("/jobs/k/logs?follow=1")).text();
  const say = (stream: string, offset: number, text: string) =>
    worker.say("log", { job: job.job, attempt: 1, stream, offset }, text);
  say("stdout", 0, "one\n");
  say("stderr", 0, "oh\n");
  say("stdout", 0, "one\ntwo \u2713\n");
  say("stdout", 12, "no end");
  while (!(await logs()).endsWith("no end\n")) await new Promise(setImmediate);
  const said = "one\noh\ntwo \u2713\nno end";
  expect(await logs()).toBe(`== job k\n== attempt 1: running on lab-3\n${said}\n`);
  worker.result(job, "R");
  expect(await worker.receipt(job)).toBe("committed");
  const [title, head, ...rest] = (await logs()).split("\n");
  expect([title, head]).toEqual([
    "== job k",
    expect.stringContaining("attempt 1: completed on lab-3"),
  ]);
  expect(rest.join("\n")).toBe(`${said}\n`);
  const followed = await following;
  expect(followed).toContain(
    `== job k\n== attempt 1: running on lab-3\n${said}\n== attempt 1: completed`,
  );
});

test("GET /api/jobs/{job}/logs?follow=1 tells what was said before, and keeps attempts apart", async () => {
  await using door = await openDoor();
  await using worker = await openReady(door.api);
  await door.submit("k", "p", "&max_attempts=1");
  const job = await worker.nextJob();
  const half = new TextEncoder().encode("\u2713");
  const about = { job: job.job, attempt: 1, stream: "stdout" };
  worker.say("log", { ...about, offset: 0 }, half.subarray(0, 2));
  const history = async () =>
    (await (await door.call("/jobs/k/history")).json()) as { attempts: { logs: string | null }[] };
  while ((await history()).attempts[0]?.logs == null) await new Promise(setImmediate);
  const following = (await door.call("/jobs/k/logs?follow=1")).text();
  worker.say("log", { ...about, offset: 2 }, half.subarray(2));
  worker.fail(job, { info: "broken", logs: "its own last words" });
  expect(await worker.receipt(job)).toBe("committed");
  const followed = await following;
  expect(followed).toStartWith(
    "== job k\n== attempt 1: running on lab-3\n\u2713\n== attempt 1: failed",
  );
  expect(followed).toEndWith("\nbroken\n");
  expect((await history()).attempts[0]?.logs).toBe("its own last words");
});
