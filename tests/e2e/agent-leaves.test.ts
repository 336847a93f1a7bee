// Agents that are asked to go: what runs may end or is given back, and goes to others at once, charged to nobody.

import { beforeAll, expect, test } from "bun:test";
import { buildOnce } from "../support/binary.ts";
import { openGrid, smallJob, type Grid } from "./blips/grid.ts";

let binary = "";
beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);

async function courseOf(grid: Grid, key: string): Promise<string> {
  const { events } = await grid.history(key);
  return events.map(({ change, attempt }) => `${change} ${attempt ?? ""}`.trim()).join(", ");
}

test("a worker with --drain 0 that is asked to end gives back what it runs, charged to nobody", async () => {
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  const first = await grid.startAgent({ type: "task", slots: 2, more: ["--drain", "0"] });
  const job = { ...smallJob, napMs: 1_500 };
  for (const key of ["one", "two"]) await grid.submit("task", key, job);
  await grid.executed(() => true, 2);
  await grid.startAgent({ type: "task", slots: 2 });
  const askedAt = performance.now();
  await first.kill("SIGTERM");
  expect(first.process.exitCode).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(1_400); // Not at the end of the jobs.
  for (const key of ["one", "two"]) {
    expect(await grid.settled(key, 10_000)).toBe("done");
    expect(await courseOf(grid, key)).toBe(
      "submitted, claimed 1, released 1, claimed 2, completed 2",
    );
    expect(await grid.isResultRight(key, job)).toBe(true);
    expect((await grid.job(key)).failures).toBe(0);
  }
  expect(agentsOf(grid)).toEqual(["agent-1", "agent-1", "agent-2", "agent-2"]);
  expect(await first.spool()).toEqual([]);
  expect(grid.alarms()).toEqual([]);
}, 30_000);

test("a worker that is asked to end drains: what runs ends, what has not begun goes to others", async () => {
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  const first = await grid.startAgent({ type: "task", slots: 1, more: ["--drain", "20s"] });
  const job = { ...smallJob, napMs: 1_500 };
  for (const key of ["one", "two"]) await grid.submit("task", key, job);
  await grid.executed(() => true, 1);
  const second = await grid.startAgent({ type: "task" });
  await second.until(/link\.welcomed/);
  await first.kill("SIGTERM");
  expect(first.process.exitCode).toBe(0);
  for (const key of ["one", "two"]) expect(await grid.settled(key, 10_000)).toBe("done");
  expect(await courseOf(grid, "one")).toBe("submitted, claimed 1, completed 1");
  expect(await courseOf(grid, "two")).toBe(
    "submitted, claimed 1, released 1, claimed 2, completed 2",
  );
  expect(agentsOf(grid)).toEqual(["agent-1", "agent-2"]);
  expect(grid.alarms()).toEqual([]);
}, 30_000);

function agentsOf(grid: Grid): readonly string[] {
  return grid
    .executions()
    .map(({ agent }) => agent)
    .toSorted();
}
