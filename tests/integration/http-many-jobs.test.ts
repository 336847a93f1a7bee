import { expect, test } from "bun:test";
import { walkPageSize } from "../../src/domain/limits.ts";
import type { WireManyDone } from "../../src/protocol/http-api.ts";
import { linesOf, submitLines } from "../support/answer-lines.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";

async function act(door: Door, verb: string, body: unknown) {
  const answer = await door.call(`/jobs/${verb}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as WireManyDone };
}

async function add(door: Door, keys: readonly string[], options: object = {}, query = "") {
  const lines = keys.map((key) => ({ key, payload: key.repeat(20), ...options }));
  expect((await linesOf(await submitLines(door, lines, query))).at(-1)).toMatchObject({
    refused: 0,
  });
}

async function statusOf(door: Door, key: string): Promise<string> {
  return (await door.broker.get({ by: "key", key })).status;
}

const unknownOption = { code: "unknown-option" };
const whole = { more: false, cursor: null };

test("POST /api/jobs/cancel cancels all that a filter finds, and nothing else", async () => {
  await using door = await openDoor();
  await add(door, ["a/1", "a/2", "b/1"]);
  await door.broker.cancel({ by: "key", key: "a/2" });
  expect((await act(door, "cancel", { filter: { key_prefix: "a/" } })).body).toEqual({
    matched: 2, // One of them stood cancelled already: that is no refusal.
    changed: 1,
    refused: 0,
    ...whole,
  });
  expect(await statusOf(door, "a/1")).toBe("cancelled");
  expect(await statusOf(door, "b/1")).toBe("pending");
});

test("POST /api/jobs/retry sends failed and cancelled jobs back, and refuses the others", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b", "c"], { group: "g" });
  await door.broker.cancel({ by: "key", key: "a" });
  expect((await act(door, "retry", { filter: { group: "g" } })).body).toEqual({
    matched: 3,
    changed: 1,
    refused: 2,
    ...whole,
  });
  expect(await statusOf(door, "a")).toBe("pending");
  expect((await act(door, "retry", { filter: { group: "g", status: "cancelled" } })).body).toEqual({
    matched: 0,
    changed: 0,
    refused: 0,
    ...whole,
  });
});

test("POST /api/jobs/delete removes settled jobs, others only with force, and their bytes", async () => {
  await using door = await openDoor();
  await add(door, ["long key 1", "long key 2"]);
  expect((await door.kept()).blobs).toBe(2);
  await door.broker.cancel({ by: "key", key: "long key 1" });
  const all = { all: true };
  expect((await act(door, "delete", all)).body).toEqual({
    matched: 2,
    changed: 1,
    refused: 1,
    ...whole,
  });
  expect(await door.kept()).toEqual({ jobs: 1, blobs: 1 });
  expect((await act(door, "delete", { ...all, force: true })).body).toEqual({
    matched: 1,
    changed: 1,
    refused: 0,
    ...whole,
  });
  expect(await door.kept()).toEqual({ jobs: 0, blobs: 0 });
  await add(door, ["long key 1"]); // The keys are free at once.
});

test("POST /api/jobs/cancel finds by every filter of the list", async () => {
  await using door = await openDoor({
    types: [aType({ name: "x" }), aType({ name: "y" })],
    batchSize: 2,
  });
  await add(door, ["x0", "x1", "x2"], { group: "g" }, "/x");
  await add(door, ["y0"], {}, "/y");
  const matched = async (filter: object) => (await act(door, "cancel", { filter })).body.matched;
  expect(await matched({ type: "y" })).toBe(1);
  expect(await matched({ type: "never" })).toBe(0);
  expect(await matched({ status: "pending", type: "x", batch: 1 })).toBe(1);
  expect(await matched({ worker: "nobody" })).toBe(0);
  expect(await matched({ submitted_after: "2100-01-01T00:00:00Z" })).toBe(0);
  expect(await matched({ submitted_after: "2020-01-01T00:00:00Z", batch: "0" })).toBe(3);
  expect(await matched({ group: "g", status: "cancelled", type: null })).toBe(3);
});

test("POST /api/jobs/cancel and the others refuse what they cannot be sure of", async () => {
  await using door = await openDoor();
  await add(door, ["a"]);
  const refused = [
    "",
    "[]",
    "{",
    {},
    { filter: {} },
    { filter: { type: null } },
    { filter: { status: "asleep" } },
    { filter: { status: ["pending"] } },
    { filter: { batch: -1 } },
    { filter: [] },
    { filter: "status" },
    { all: 1 },
    { all: true, filter: { status: "pending" } },
    { all: true, cursor: "7" },
    { all: true, cursor: 7 },
    { all: true, force: "yes" },
    `{"all":true,"filter":null,"cursor":"${"9".repeat(70_000)}"}`,
  ];
  for (const body of refused) {
    const { status } = await act(door, "cancel", body);
    expect({ body, isRefused: status >= 400 && status < 500 }).toEqual({ body, isRefused: true });
  }
  expect((await act(door, "cancel", { all: true, every: 1 })).body).toMatchObject(unknownOption);
  expect((await act(door, "cancel", { filter: { grup: "g" } })).body).toMatchObject(unknownOption);
  expect((await act(door, "cancel", { all: true, force: true })).body).toMatchObject(unknownOption);
  expect((await act(door, "cancel?all=1", { all: true })).body).toMatchObject(unknownOption);
  expect(await statusOf(door, "a")).toBe("pending");
});

test("POST /api/jobs/cancel works through many pages, and leaves what comes after it began", async () => {
  await using door = await openDoor();
  const count = walkPageSize * 2 + 3;
  await add(
    door,
    Array.from({ length: count }, (_, n) => `k${n}`),
  );
  const { body } = await act(door, "cancel", { all: true });
  expect(body).toEqual({ matched: count, changed: count, refused: 0, ...whole });
});

test("POST /api/jobs/cancel goes on at a cursor, up to where it was made", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b", "c", "d"]);
  expect((await act(door, "cancel", { all: true, cursor: "1-3" })).body).toEqual({
    matched: 2,
    changed: 2,
    refused: 0,
    ...whole,
  });
  const statuses = await Promise.all(["a", "b", "c", "d"].map((key) => statusOf(door, key)));
  expect(statuses).toEqual(["pending", "cancelled", "cancelled", "pending"]);
});
