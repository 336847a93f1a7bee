import { expect, test } from "bun:test";
import type { WireJob } from "../../src/protocol/http-api.ts";
import { openDoor } from "../support/http-door.ts";
import { openWorker, type WsWorker } from "../support/ws-worker.ts";

const jobCount = 50;
const workerCount = 10;
const runningMax = 3;

test("of 50 jobs of a group no more than group_running_max run at once over 10 workers, and all are done", async () => {
  await using door = await openDoor();
  await using crew = new AsyncDisposableStack();
  let runningNow = 0;
  let runningMost = 0;

  const runningByServer = async () => {
    const answer = await door.call("/jobs?status=running&group=g&limit=100");
    return ((await answer.json()) as readonly WireJob[]).length;
  };
  const work = async (worker: WsWorker) => {
    for (;;) {
      const payload = await worker.nextPayload();
      runningNow += 1;
      runningMost = Math.max(runningMost, runningNow);
      // Takes as long as the server needs to give out whatever else it would.
      expect(await runningByServer()).toBeLessThanOrEqual(runningMax);
      runningNow -= 1;
      worker.send(new TextEncoder().encode(payload));
    }
  };
  const working: Promise<unknown>[] = [];
  for (let count = 0; count < workerCount; count += 1) {
    const worker = crew.use(await openWorker(door.api));
    working.push(work(worker));
  }
  const failed = Promise.race(working); // A worker ends only when what it expects does not hold.

  const query = `&group=g&group_running_max=${runningMax}`;
  const keys = Array.from({ length: jobCount }, (_, index) => `job-${index}`);
  await Promise.all(keys.map((key) => door.submit(key, key, query)));
  const waited = keys.map(async (key) => {
    const answer = await door.call(`/jobs/${key}?wait_s=30`);
    return ((await answer.json()) as WireJob).status;
  });
  const statuses = await Promise.race([Promise.all(waited), failed]);
  expect(statuses).toEqual(keys.map(() => "done"));
  expect(runningMost).toBe(runningMax);
  const stopped = Promise.allSettled(working);
  await crew.disposeAsync();
  await stopped;
});
