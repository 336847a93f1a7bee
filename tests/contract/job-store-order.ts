// What every provider of jobs promises of the order in which jobs are given out, and of time.

import { describe, expect, test } from "bun:test";
import type { NewJob } from "../../src/domain/job.ts";
import type { Shape } from "../../src/domain/shape.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { aType, noOptions, now } from "../support/a-job.ts";
import { aNewJob, anId, largeContent } from "../support/builders.ts";
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

export function describeOrder(jobs: () => JobStore): void {
  describe("the order to give out", () => describeReady(jobs));
  describe("time", () => describeTime(jobs));
  describe("shapes", () => describeShapes(jobs));
}

type Asked = { readonly types?: readonly string[]; readonly at?: number; readonly limit?: number };

async function readyKeys(jobs: JobStore, asked: Asked = {}) {
  return (await readyOf(jobs, { types: [""], ...asked })).map((job) => job.key);
}

const withOptions = (options: Partial<NewJob["options"]>) => ({
  options: { ...noOptions, ...options },
});

function describeReady(jobs: () => JobStore): void {
  test("ready() gives all immediate jobs before any batch job, and in each class the oldest first [GL-40]", async () => {
    await jobs().add([
      aNewJob({ key: "b1", priority: "batch" }),
      aNewJob({ key: "i1", priority: "immediate" }),
      aNewJob({ key: "b2", priority: "batch" }),
      aNewJob({ key: "i2", priority: "immediate" }),
    ]);
    expect(await readyKeys(jobs())).toEqual(["i1", "i2", "b1", "b2"]);
  });

  test("ready() puts a job that failed behind the others of its class [GL-45]", async () => {
    const seq = await addJob(jobs(), aNewJob({ key: "failed" }));
    await addJob(jobs(), aNewJob({ key: "fresh" }));
    await addJob(jobs(), aNewJob({ key: "soon", priority: "immediate" }));
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, failOf(1));
    const later = now + 10_000_000;
    expect(await readyKeys(jobs(), { at: later })).toEqual(["soon", "fresh", "failed"]);
  });

  test("ready() answers with whole jobs", async () => {
    const seq = await addJob(jobs(), aNewJob());
    expect(await readyOf(jobs(), { types: [""], limit: 1 })).toStrictEqual([
      await requireJob(jobs(), seq),
    ]);
  });

  test("ready() answers with at most so many of each type, in one order [GL-50]", async () => {
    for (const key of ["x1", "x2", "x3"]) await addJob(jobs(), aNewJob({ key, type: "x" }));
    await addJob(jobs(), aNewJob({ key: "y1", type: "y", priority: "immediate" }));
    await addJob(jobs(), aNewJob({ key: "z1", type: "z" }));
    await addJob(jobs(), aNewJob({ key: "y2", type: "y" }));
    const asked = { types: ["x", "y", "never"], limit: 2 };
    expect(await readyKeys(jobs(), asked)).toEqual(["y1", "x1", "x2", "y2"]);
    expect(await readyKeys(jobs(), { types: [] })).toEqual([]);
  });

  test("ready() passes over jobs that are claimed, settled or held [GL-50]", async () => {
    const seqs = [];
    for (const key of ["claimed", "cancelled", "held", "free"]) {
      seqs.push(await addJob(jobs(), aNewJob({ key })));
    }
    const [claimed, cancelled, held] = seqs as [number, number, number];
    await putStep(jobs(), claimed, claimBy("a"));
    await putStep(jobs(), cancelled, { do: "cancel", at: now, info: null });
    await putStep(jobs(), held, { do: "hold", at: now });
    await addJob(jobs(), aNewJob({ key: "held from the start", ...withOptions({ hold: true }) }));
    expect(await readyKeys(jobs())).toEqual(["free"]);
    await putStep(jobs(), held, { do: "unhold", at: now });
    expect(await readyKeys(jobs())).toEqual(["held", "free"]);
  });

  test("ready() never answers with a job whose claim was saved in the same turn", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const change = changeOf(await requireJob(jobs(), seq), claimBy("a"));
    await jobs().save([change]);
    expect(await readyKeys(jobs())).toEqual([]);
  });

  test("ready() gives a job again that came back, at its old place", async () => {
    const seq = await addJob(jobs(), aNewJob({ key: "first" }));
    await addJob(jobs(), aNewJob({ key: "second" }));
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, { do: "release", at: now, attempt: 1, info: "Back." });
    expect(await readyKeys(jobs())).toEqual(["first", "second"]);
  });

  test("ready() gives a job again that a person retried", async () => {
    const seq = await addJob(jobs(), aNewJob({ key: "k" }));
    await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
    await putStep(jobs(), seq, { do: "retry", at: now });
    expect(await readyKeys(jobs())).toEqual(["k"]);
  });
}

const inGroup = (group: string, groupRunningMax: number): Partial<NewJob> => ({
  group,
  ...withOptions({ groupRunningMax }),
});
const limited = (group: string, max: number) => JSON.stringify({ group, group_running_max: max });

function describeShapes(jobs: () => JobStore): void {
  const shapes = async (...types: string[]) => (await jobs().shapes(types)).toSorted(byText);
  const byText = (a: Shape, b: Shape) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

  test("shapes() tells what pending jobs of these types require, each once", async () => {
    expect(await shapes("", "a", "never")).toEqual([]);
    await jobs().add([
      aNewJob(),
      aNewJob(),
      aNewJob({ group: "g" }),
      aNewJob(inGroup("g", 2)),
      aNewJob(inGroup("g", 2)),
      aNewJob(inGroup("g", 3)),
      aNewJob({ type: "a", payload: { ...largeContent("file"), size: 5 * 1024 * 1024 } }),
      aNewJob({ type: "b" }),
    ]);
    expect(await shapes("", "a", "never")).toEqual([
      { type: "", requires: "" },
      { type: "", requires: limited("g", 2) },
      { type: "", requires: limited("g", 3) },
      { type: "a", requires: `{"payload_bytes_min":${4 * 1024 * 1024 + 1}}` },
    ]);
    expect(await shapes()).toEqual([]);
  });

  test("shapes() tells of a shape while one of its jobs is pending, whatever becomes of them", async () => {
    const [one, two] = [aNewJob(inGroup("g", 2)), aNewJob(inGroup("g", 2))];
    const [first, second] = [await addJob(jobs(), one), await addJob(jobs(), two)];
    await putStep(jobs(), first, claimBy("a"));
    expect(await shapes("")).toHaveLength(1);
    await putStep(jobs(), second, { do: "hold", at: now });
    expect(await shapes("")).toHaveLength(1);
    await putStep(jobs(), second, { do: "cancel", at: now, info: null });
    expect(await shapes("")).toEqual([]);
    await putStep(jobs(), first, { do: "release", at: now, attempt: 1, info: "Back." });
    expect(await shapes("")).toHaveLength(1);
    await removeJob(jobs(), first);
    expect(await shapes("")).toEqual([]);
    await removeJob(jobs(), second);
    expect(await shapes("")).toEqual([]);
  });

  test("shapes() tells of a successor by the size of the result that is its payload", async () => {
    const seq = await addJob(jobs(), aNewJob());
    const result = { ...largeContent("file"), size: 2 * 1024 * 1024 };
    await runToDone(jobs(), seq, result, aNewJob({ type: "next", fromId: anId() }));
    expect(await shapes("", "next")).toEqual([
      { type: "next", requires: `{"payload_bytes_min":${1024 * 1024 + 1}}` },
    ]);
    expect(await readyOf(jobs(), { types: ["next"] })).toHaveLength(1);
  });

  test("shapes() keeps jobs apart that require other things of their workers, and together those that do not", async () => {
    for (const [key, requires] of [
      ["two", "cpus=2"],
      ["two more", "cpus=2"],
      ["tagged", "cpus=2,tag:x"],
      ["anybody's", null],
    ] as const) {
      await addJob(jobs(), aNewJob({ key, ...withOptions({ requires }) }));
    }
    const [two, tagged] = ['{"cpus_thousandths":2000}', '{"cpus_thousandths":2000,"tags":["x"]}'];
    expect(await shapes("")).toEqual([
      { type: "", requires: "" },
      { type: "", requires: tagged },
      { type: "", requires: two },
    ]);
    const keys = async (requires: string) => {
      const asked = { shapes: [{ type: "", requires, limit: 9 }], at: now, limit: 9 };
      return (await jobs().ready(asked)).map(({ key }) => key);
    };
    expect(await keys(two)).toEqual(["two", "two more"]);
    expect(await keys(tagged)).toEqual(["tagged"]);
    expect(await keys("")).toEqual(["anybody's"]);
  });

  test("ready() answers only with the shapes that were asked for, at most so many of each, in one order", async () => {
    for (const key of ["g1", "g2", "g3"])
      await addJob(jobs(), aNewJob({ key, ...inGroup("g", 2) }));
    for (const key of ["p1", "p2", "p3"]) await addJob(jobs(), aNewJob({ key }));
    await addJob(jobs(), aNewJob({ key: "h1", priority: "immediate", ...inGroup("h", 1) }));
    const keys = async (limit: number, ...asked: readonly [string, number][]) => {
      const found = asked.map(([requires, most]) => ({ type: "", requires, limit: most }));
      const ready = await jobs().ready({ shapes: found, at: now, limit });
      return ready.map((job) => job.key);
    };
    const [g, h] = [limited("g", 2), limited("h", 1)];
    expect(await keys(9, ["", 9])).toEqual(["p1", "p2", "p3"]);
    expect(await keys(9, ["", 9], [g, 2])).toEqual(["g1", "g2", "p1", "p2", "p3"]);
    expect(await keys(9, [h, 9], ["", 1], [g, 1])).toEqual(["h1", "g1", "p1"]);
    expect(await keys(3, [h, 9], ["", 9], [g, 2])).toEqual(["h1", "g1", "g2"]);
    expect(await keys(1, ["", 9])).toEqual(["p1"]);
    expect(await keys(9, ['{"group":"unheard of","group_running_max":1}', 9])).toEqual([]);
    expect(await keys(9)).toEqual([]);
  });
}

function describeTime(jobs: () => JobStore): void {
  test("ready() gives a job from the instant before which it must not run", async () => {
    await addJob(jobs(), aNewJob({ key: "later", ...withOptions({ notBefore: now + 100 }) }));
    expect(await readyKeys(jobs(), { at: now + 99 })).toEqual([]);
    expect(await readyKeys(jobs(), { at: now + 100 })).toEqual(["later"]);
  });

  test("ready() does not give a job whose time lies ahead of a clock that was set back", async () => {
    await addJob(jobs(), aNewJob({ key: "later", ...withOptions({ notBefore: now + 100 }) }));
    expect(await readyKeys(jobs(), { at: now + 100 })).toEqual(["later"]);
    expect(await readyKeys(jobs(), { at: now + 50 })).toEqual([]);
    expect(await readyKeys(jobs(), { at: now + 100 })).toEqual(["later"]);
  });

  test("ready() gives a failed job after its wait, in the place that its failures give it", async () => {
    const seq = await addJob(jobs(), aNewJob({ key: "f" }));
    await putStep(jobs(), seq, claimBy("a"));
    await putStep(jobs(), seq, failOf(1));
    const job = await requireJob(jobs(), seq);
    const readyAt = job.status === "pending" ? job.readyAt : 0;
    expect(await readyKeys(jobs(), { at: readyAt - 1 })).toEqual([]);
    expect(await readyKeys(jobs(), { at: readyAt })).toEqual(["f"]);
  });

  test("ready() does not give a held job whose time has come", async () => {
    const options = withOptions({ notBefore: now + 100, hold: true });
    const seq = await addJob(jobs(), aNewJob({ key: "k", ...options }));
    expect(await readyKeys(jobs(), { at: now + 200 })).toEqual([]);
    await putStep(jobs(), seq, { do: "unhold", at: now });
    expect(await readyKeys(jobs(), { at: now + 99 })).toEqual([]);
    expect(await readyKeys(jobs(), { at: now + 100 })).toEqual(["k"]);
  });

  test("ready() does not give a job whose deadline has passed, due() tells of it", async () => {
    await addJob(jobs(), aNewJob({ key: "b", ...withOptions({ deadline: now + 60 }) }));
    await addJob(jobs(), aNewJob({ key: "a", ...withOptions({ deadline: now + 50 }) }));
    const held = withOptions({ deadline: now + 55, hold: true });
    await addJob(jobs(), aNewJob({ key: "held", ...held }));
    await addJob(jobs(), aNewJob({ key: "free" }));
    const dueKeys = async (at: number, limit = 10) =>
      (await jobs().due(at, limit)).map((job) => job.key);
    expect(await dueKeys(now + 49)).toEqual([]);
    expect(await dueKeys(now + 50)).toEqual(["a"]);
    expect(await dueKeys(now + 60)).toEqual(["a", "held", "b"]);
    expect(await dueKeys(now + 60, 2)).toEqual(["a", "held"]);
    expect(await readyKeys(jobs(), { at: now + 50 })).toEqual(["b", "free"]);
  });

  test("due() tells only of pending jobs", async () => {
    const seq = await addJob(jobs(), aNewJob(withOptions({ deadline: now + 50 })));
    await putStep(jobs(), seq, claimBy("a"));
    expect(await jobs().due(now + 60, 10)).toEqual([]);
    await putStep(jobs(), seq, { do: "release", at: now + 51, attempt: 1, info: "Back." });
    expect(await jobs().due(now + 60, 10)).toHaveLength(1);
    await putStep(jobs(), seq, { do: "expire", at: now + 60 });
    expect(await jobs().due(now + 60, 10)).toEqual([]);
  });

  test("nextDue() tells the nearest instant at which something waiting is due", async () => {
    expect(await jobs().nextDue(now)).toBeNull();
    await addJob(jobs(), aNewJob());
    expect(await jobs().nextDue(now)).toBeNull();
    await addJob(jobs(), aNewJob(withOptions({ notBefore: now + 50 })));
    await addJob(jobs(), aNewJob(withOptions({ deadline: now + 70 })));
    await addJob(jobs(), aNewJob(withOptions({ notBefore: now + 40, hold: true })));
    await addJob(jobs(), aNewJob(withOptions({ deadline: now + 90, hold: true })));
    expect(await jobs().nextDue(now)).toBe(now + 50);
    expect(await jobs().nextDue(now + 50)).toBe(now + 70);
    expect(await jobs().nextDue(now + 70)).toBe(now + 90);
    expect(await jobs().nextDue(now + 90)).toBeNull();
  });

  test("nextDue() forgets jobs that no longer wait", async () => {
    const options = withOptions({ deadline: now + 5_000_000 });
    const seq = await addJob(jobs(), aNewJob(options));
    const type = aType({ maxAttempts: 5 });
    await putStep(jobs(), seq, claimBy("a"));
    expect(await jobs().nextDue(now)).toBeNull();
    await putStep(jobs(), seq, failOf(1), { type });
    const job = await requireJob(jobs(), seq);
    expect(await jobs().nextDue(now)).toBe(job.status === "pending" ? job.readyAt : 0);
    await putStep(jobs(), seq, { do: "cancel", at: now, info: null });
    expect(await jobs().nextDue(now)).toBeNull();
  });
}
