import { expect, test } from "bun:test";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import type { Submission } from "../../../src/broker/broker.ts";
import { GridError } from "../../../src/domain/errors.ts";
import type { JobStore } from "../../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../../src/store/memory/memory-job-store.ts";
import { aBroker, aType, noOptions, settle } from "../../support/a-broker.ts";

function aSubmission(key: string | null, given: Partial<Submission> = {}): Submission {
  const inline = new TextEncoder().encode(key ?? "bytes");
  const payload = {
    sha256: sha256Hex(inline),
    size: inline.length,
    name: "",
    contentType: null,
    inline,
  };
  return {
    key,
    type: "",
    priority: "batch",
    description: null,
    labels: null,
    group: null,
    options: noOptions,
    payload,
    ...given,
  };
}

function brokerOver(given: Partial<JobStore>) {
  return aBroker([aType()], { ...createMemoryJobStore({ batchSize: 3 }), ...given });
}

test("submitMany() adds all with one call of the store", async () => {
  const store = createMemoryJobStore({ batchSize: 3 });
  const sizes: number[] = [];
  const { broker } = aBroker([aType()], {
    ...store,
    add(jobs) {
      sizes.push(jobs.length);
      return store.add(jobs);
    },
  });
  await broker.submitMany([
    aSubmission("a"),
    aSubmission("7"),
    aSubmission(null),
    aSubmission("b"),
  ]);
  expect(sizes).toEqual([3]);
  expect(await broker.submitMany([])).toEqual([]);
  expect(sizes).toEqual([3]);
});

test("submitMany() answers for each in its order, whatever became of the others", async () => {
  const { broker } = aBroker();
  await broker.submitMany([aSubmission("taken", { priority: "immediate" })]);
  const outcomes = await broker.submitMany([
    aSubmission("a"),
    aSubmission("7"),
    aSubmission("taken"),
    aSubmission("a"),
    aSubmission(null),
  ]);
  expect(outcomes).toMatchObject([
    { kind: "submitted", submitted: { key: "a", seq: 2, isReplay: false } },
    { kind: "refused", error: { code: "malformed" } },
    { kind: "refused", error: { code: "key-taken" } },
    { kind: "submitted", submitted: { key: "a", seq: 2, isReplay: true } },
    { kind: "submitted", submitted: { seq: 3, isReplay: false } },
  ]);
});

test("submitMany() refuses each when the store has no room, and throws what nobody expects", async () => {
  const full = brokerOver({ add: () => Promise.reject(new GridError("disk-low", "Full.")) });
  const outcomes = await full.broker.submitMany([
    aSubmission("7"),
    aSubmission("a"),
    aSubmission("b"),
  ]);
  expect(outcomes.map((outcome) => outcome.kind === "refused" && outcome.error.code)).toEqual([
    "malformed",
    "disk-low",
    "disk-low",
  ]);
  const broken = brokerOver({ add: () => Promise.reject(new Error("A bug.")) });
  expect(broken.broker.submitMany([aSubmission("a")])).rejects.toThrow("A bug.");
});

test("submitMany() wakes workers, also for jobs whose time comes later", async () => {
  const { broker, clock, connect } = aBroker();
  const worker = await connect("w");
  worker.text('{"code":1,"status":1}');
  const later = { ...noOptions, notBefore: clock.now() + 60_000 };
  await broker.submitMany([aSubmission("later", { options: later })]);
  await settle();
  expect(worker.heard).not.toContain("payload later");
  clock.advance(60_000);
  await settle();
  expect(worker.heard).toContain("payload later");
});

test("submitMany() leaves held jobs alone until they are let go", async () => {
  const { broker, connect } = aBroker();
  const worker = await connect("w");
  worker.text('{"code":1,"status":1}');
  await broker.submitMany([aSubmission("held", { options: { ...noOptions, hold: true } })]);
  await settle();
  expect(worker.heard).not.toContain("payload held");
  await broker.unhold({ by: "key", key: "held" });
  await settle();
  expect(worker.heard).toContain("payload held");
});
