import { expect, test } from "bun:test";
import { bulkAnswerBytesMax, bulkAnswersBytesMax } from "../../../src/domain/limits-server.ts";
import { createAnswers } from "../../../src/server/answer-lines.ts";
import type { Patience } from "../../../src/server/patience.ts";

const request = new Request("http://127.0.0.1/");
const quiet: Patience = { lift() {}, extend() {}, restore() {} };

/** A floor whose judgement is the test's, and what was asked of patience. */
function createDoor() {
  const asked: string[] = [];
  const watched = new Set<() => void>();
  const floor = {
    watch(onTooSlow: () => void) {
      watched.add(onTooSlow);
      return { moved() {}, end: () => void watched.delete(onTooSlow) };
    },
  };
  const patience: Patience = {
    lift: () => void asked.push("lift"),
    extend: () => void asked.push("extend"),
    restore: () => void asked.push("restore"),
  };
  return { answers: createAnswers({ floor, patience }), asked, watched };
}

/** True when the promise resolves without anything else happening. */
async function isResolved(promise: Promise<unknown>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => (resolved = true));
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return resolved;
}

const large = "x".repeat(1024 * 1024);

test("write() hands lines on in their order, and end() closes behind the last", async () => {
  const { answers } = createDoor();
  const lines = answers.open(request, null);
  const text = new Response(lines.body).text();
  await lines.write("a\n");
  await lines.write("b\n");
  lines.end();
  expect(await text).toBe("a\nb\n");
});

test("write() waits while more is kept than the bound, until the reader has taken some", async () => {
  const { answers } = createDoor();
  const lines = answers.open(request, null);
  const count = bulkAnswerBytesMax / large.length;
  for (let n = 0; n < count; n += 1) expect(await isResolved(lines.write(large))).toBe(true);
  const waiting = lines.write("one more");
  expect(await isResolved(waiting)).toBe(false);
  const reader = lines.body.getReader();
  expect((await reader.read()).value?.length).toBe(large.length);
  expect(await isResolved(waiting)).toBe(true);
});

test("write() of all requests together keeps no more than their bound, but lets each go on with little", async () => {
  const { answers } = createDoor();
  const others = [];
  for (let n = 0; n < bulkAnswersBytesMax / bulkAnswerBytesMax; n += 1) {
    const lines = answers.open(request, null);
    others.push(lines);
    for (let kept = 0; kept < bulkAnswerBytesMax; kept += large.length) await lines.write(large);
  }
  const late = answers.open(request, null);
  expect(await isResolved(late.write("a line\n"))).toBe(true);
  const waiting = late.write(large);
  expect(await isResolved(waiting)).toBe(false);
  const reader = late.body.getReader();
  await reader.read();
  await reader.read();
  expect(await isResolved(waiting)).toBe(true);
});

test("write() lets go when the reader has gone, and what it kept counts no more", async () => {
  const { answers } = createDoor();
  for (let round = 0; round < 10; round += 1) {
    const lines = answers.open(request, null);
    const writing: Promise<void>[] = [];
    for (let kept = 0; kept < 17; kept += 1) writing.push(lines.write(large));
    expect(await isResolved(Promise.all(writing))).toBe(false);
    await lines.body.cancel();
    expect(await isResolved(Promise.all(writing))).toBe(true);
    await lines.write("after the end");
  }
});

test("write() gives up a reader that takes nothing while it waits for room", async () => {
  const { answers, watched } = createDoor();
  const lines = answers.open(request, null);
  for (let kept = 0; kept < bulkAnswerBytesMax; kept += large.length) await lines.write(large);
  expect(watched.size).toBe(0);
  const waiting = lines.write(large);
  expect(watched.size).toBe(1);
  const [cut] = watched;
  cut?.();
  expect(await isResolved(waiting)).toBe(true);
  expect(lines.body.getReader().read()).rejects.toThrow("hardly moves");
  expect(watched.size).toBe(0);
});

test("write() watches its reader no longer than it waits for room", async () => {
  const { answers, watched } = createDoor();
  const lines = answers.open(request, null);
  for (let kept = 0; kept < bulkAnswerBytesMax; kept += large.length) await lines.write(large);
  const waiting = lines.write(large);
  await lines.body.getReader().read();
  await waiting;
  expect(watched.size).toBe(0);
});

test("end() leaves a reader its time while it moves, and cuts it off when it hardly does", async () => {
  const { answers, asked, watched } = createDoor();
  const lines = answers.open(request, null);
  await lines.write(large);
  expect(watched.size).toBe(0); // While the body comes that is what is watched.
  lines.end();
  expect(asked).toEqual(["lift"]);
  expect(watched.size).toBe(1);
  const reader = lines.body.getReader();
  const [cut] = watched;
  cut?.();
  expect(reader.read()).rejects.toThrow("hardly moves");
  expect(watched.size).toBe(0);
});

test("end() watches no longer than until the last line was taken", async () => {
  const { answers, asked, watched } = createDoor();
  const lines = answers.open(request, null);
  await lines.write("a\n");
  lines.end();
  expect(await new Response(lines.body).text()).toBe("a\n");
  expect(watched.size).toBe(0);
  expect(asked).toEqual(["lift", "extend"]);
});

test("createAnswers() needs no timer for what its reader takes at once", async () => {
  const floor = { watch: () => ({ moved() {}, end() {} }) };
  const lines = createAnswers({ floor, patience: quiet }).open(request, null);
  const text = new Response(lines.body).text();
  lines.end();
  expect(await text).toBe("");
});
