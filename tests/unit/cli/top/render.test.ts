import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { TopSize } from "../../../../src/cli/top/render.ts";
import { renderTop } from "../../../../src/cli/top/render.ts";
import type { TopState } from "../../../../src/cli/top/state.ts";
import { aFailure, aGroup, ago, aTopState, aWorker, someJobs, someStats } from "./a-top-state.ts";

const draw = (state: TopState, columns: number, rows: number | null) =>
  renderTop(state, { columns, rows }, (text) => text);

const gibibyte = 1024 ** 3;
const aBusyGrid = aTopState({
  stats: someStats(
    [
      ["render", "pending", 1204],
      ["render", "running", 5],
      ["render", "done", 830],
      ["archive", "done", 12],
      ["archive", "failed", 1],
    ],
    { workers: { connected: 2, slots: 5, busy: 5 }, done_rate: 33.25 },
  ),
  workers: [
    aWorker("desk", { state: "draining", slots: 1, types: ["render"], failed_count: 2 }),
    aWorker("closet", {
      state: "busy",
      types: ["render", "archive"],
      jobs: someJobs(6),
      done_count: 842,
      vitals: {
        load: 3.9,
        cpu: [1, 0.9, 1, 0.98],
        memory_bytes: 16 * gibibyte,
        memory_used_bytes: 3.1 * gibibyte,
      },
    }),
  ],
  groups: [
    aGroup(
      "film",
      { pending: 1204, running: 5, done: 829, failed: 1 },
      { done_rate: 33.25, estimated_end: ago(-36) },
    ),
  ],
  failures: [
    aFailure(3, { isFinal: false, worker: "desk" }),
    aFailure(70, { key: "frame-70", info: "disk full\nabort" }),
  ],
});

test("renderTop() shows all of a busy grid", () => {
  expect(draw(aBusyGrid, 100, null)).toEqual([
    "gridlike 1.2.3  http://closet:7171",
    "jobs  1204 pending, 5 running, 842 done, 1 failed",
    "grid  33.3/s done, 2 workers, 4 of 5 slots busy",
    "",
    "TYPE     PENDING  RUNNING  DONE  FAILED",
    "render      1204        5   830",
    "archive                      12       1",
    "",
    "GROUP                              DONE  RUNNING  FAILED    RATE  LEFT",
    "film   [########------------]  829/2039        5       1  33.3/s  36s",
    "",
    "WORKER  STATE     BUSY  AHEAD  LOAD  CPU        MEMORY  DONE  FAILED  TYPES",
    "closet  busy       4/4      2  3.90  97%  3.1/16.0 GiB   842          render archive",
    "desk    draining   0/1                                     0       2  render",
    "",
    "FAILURE         AGO  WORKER  THEN         WHY",
    "3 job-3          3s  desk    tried again  no such city",
    "70 frame-70  1m 10s  closet  failed       disk full abort",
  ]);
});

test("renderTop() gives each part a share of a small terminal, and says what it does not show", () => {
  const failures = Array.from({ length: 30 }, (_, at) => aFailure(at + 1));
  expect(draw({ ...aBusyGrid, failures }, 60, 20)).toEqual([
    "gridlike 1.2.3  http://closet:7171",
    "jobs  1204 pending, 5 running, 842 done, 1 failed",
    "grid  33.3/s done, 2 workers, 4 of 5 slots busy",
    "",
    "TYPE     PENDING  RUNNING  DONE  FAILED",
    "render      1204        5   830",
    "archive                      12       1",
    "",
    "GROUP      DONE  RUNNING  FAILED    RATE  LEFT",
    "film   829/2039        5       1  33.3/s  36s",
    "",
    "WORKER  STATE     BUSY  AHEAD  LOAD  CPU        MEMORY  DONE",
    "closet  busy       4/4      2  3.90  97%  3.1/16.0 GiB   842",
    "desk    draining   0/1                                     0",
    "",
    "FAILURE    AGO  WORKER  THEN    WHY",
    "1 job-1     1s  closet  failed  no such city",
    "2 job-2     2s  closet  failed  no such city",
    "… 28 more",
    "q ends",
  ]);
});

test("renderTop() cuts a long reason before it leaves out a column", () => {
  const failures = [aFailure(1, { info: "a very long story of what went wrong and why" })];
  expect(draw(aTopState({ failures }), 60, null).slice(-2)).toEqual([
    "FAILURE  AGO  WORKER  THEN    WHY",
    "1 job-1   1s  closet  failed  a very long story of what wen…",
  ]);
});

test("renderTop() says that nothing is there, without empty tables", () => {
  expect(draw(aTopState(), 80, 6)).toEqual([
    "gridlike 1.2.3  http://closet:7171",
    "jobs  none",
    "grid  no worker",
    "",
    "",
    "q ends",
  ]);
});

test("renderTop() tells in its first line what is wrong with the server", () => {
  const stats = someStats([], {
    accepting: false,
    disk: { level: "low", free_bytes: 1, size_bytes: 2 },
  });
  expect(draw(aTopState({ stats, silentMs: 12_000 }), 100, null)[0]).toBe(
    "gridlike 1.2.3  http://closet:7171  no answer for 12s  the disk is low  takes no jobs",
  );
});

test("renderTop() has colours where they are painted, and cuts lines by what is seen of them", () => {
  const painted = renderTop(
    aBusyGrid,
    { columns: 28, rows: 3 },
    (text, colour) => `<${colour}>${text}</>`,
  );
  expect(painted).toEqual([
    "gridlike 1.2.3  http://clos…",
    "<dim>jobs  </>1204 pending, <cyan>5 runni…</>",
    "<dim>grid  </>33.3/s done, 2 worker…",
  ]);
});

test("renderTop() lets nothing from outside steer the terminal", () => {
  const evil = "\u001b[2J\u0007\u202ex\r\ny";
  const lines = draw(
    aTopState({
      url: `http://${evil}`,
      stats: someStats([[evil, "pending", 1]], { version: evil }),
      workers: [aWorker(evil, { types: [evil] })],
      groups: [aGroup(evil, { running: 1 })],
      failures: [aFailure(1, { key: evil, worker: evil, info: evil })],
    }),
    200,
    null,
  );
  // oxlint-disable-next-line no-control-regex
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(lines.join("")).toContain("[2Jx y");
});

test("renderTop() never draws beyond the terminal, whatever its size", () => {
  const failures = Array.from({ length: 9 }, (_, at) =>
    aFailure(at, { info: "漢字 is wide".repeat(9) }),
  );
  const workers = Array.from({ length: 40 }, (_, at) =>
    aWorker(`機械-${at}`, { types: ["a", "b"] }),
  );
  const state = { ...aBusyGrid, failures, workers };
  const sizes: fc.Arbitrary<TopSize> = fc.record({
    columns: fc.integer({ min: 1, max: 250 }),
    rows: fc.integer({ min: 1, max: 90 }),
  });
  fc.assert(
    fc.property(sizes, ({ columns, rows }) => {
      const lines = draw(state, columns, rows);
      expect(lines.length).toBe(rows ?? 0);
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
      expect(lines.length < 4 || lines.at(-1)?.startsWith("q".slice(0, columns - 1))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
