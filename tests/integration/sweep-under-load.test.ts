// Submissions of the same few payloads, deletions and the collector at the same time, on the real stores: no job ever
// loses its bytes, and nothing stays that no job needs.

import { expect, test } from "bun:test";
import { sweepBlobs } from "../../src/broker/sweep-blobs.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { examine } from "../../src/wiring/examine.ts";
import { aNewJob } from "../support/builders.ts";
import { createGridPlace } from "../support/grid-place.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { removeJob, runToDone } from "../support/store-steps.ts";

const submitterCount = 4;
const payloadCount = 20;
const roundCount = 60;

test("sweepBlobs() with no grace at all harms no submission, deletion or result under way", async () => {
  const seed = Number(Bun.env["GRIDLIKE_TEST_SEED"] ?? Date.now() % 1_000_000);
  const place = await createGridPlace();
  try {
    const grid = await place.open();
    const { staged } = grid.storage;
    const random = createSeededRandom(seed);
    const payloads = Array.from({ length: payloadCount }, (_, n) =>
      new Uint8Array(33_000).fill(n + 1),
    );
    const anyPayload = () => payloads[Math.floor(random.fraction() * payloadCount)]!;
    // Some longer than the time between the two steps of the collector.
    const pause = () => Bun.sleep(random.fraction() < 0.05 ? 150 : 0);
    const counts = { submitted: 0, done: 0, deleted: 0, sweeps: 0 };

    const submitter = async () => {
      const mine: number[] = [];
      for (let round = 0; round < roundCount; round += 1) {
        const payload = await grid.put(anyPayload());
        await pause(); // Slow fields behind the payload.
        const [added] = await grid.jobs.add([aNewJob({ payload })]);
        if (added?.kind !== "added") throw new Error("The key is taken.");
        if (added.spare !== null) await grid.blobs.delete(added.spare);
        counts.submitted += 1;
        if (random.fraction() < 0.4) {
          const result = await grid.put(anyPayload());
          await pause();
          const { spare } = await runToDone(grid.jobs, added.seq, result);
          if (spare !== null) await grid.blobs.delete(spare);
          counts.done += 1;
        }
        mine.push(added.seq);
        if (random.fraction() < 0.6) {
          const seq = mine.splice(Math.floor(random.fraction() * mine.length), 1)[0]!;
          for (const name of await removeJob(grid.jobs, seq)) await grid.blobs.delete(name);
          counts.deleted += 1;
        }
      }
    };
    let isLoading = true;
    const deps = { ...staged, staged, clock: createSystemClock(), log: createSilentLog() };
    const sweep = () =>
      sweepBlobs({ ...deps, graceMs: 0, restMs: 0 }, new AbortController().signal);
    const collector = async () => {
      while (isLoading) {
        await sweep();
        counts.sweeps += 1;
      }
    };
    const collecting = collector();
    await Promise.all(Array.from({ length: submitterCount }, submitter));
    isLoading = false;
    await collecting;
    // What a crash would leave: bytes that no record came to name.
    const orphan = await grid.put(new Uint8Array(40_000).fill(99));
    const left = await grid.jobs.list({ filter: {}, order: "oldest", limit: 1_000, after: null });
    for (const job of left.items) {
      const stream = await grid.blobs.open(job.payload);
      expect([seed, job.seq, stream === null]).toEqual([seed, job.seq, false]);
      await stream?.cancel();
    }
    await grid.close();
    const found = await examine({ path: place.path, isDeep: true });
    expect([seed, found.findings.map(({ kind, examples }) => [kind, examples.length])]).toEqual([
      seed,
      [["orphan", 1]],
    ]);
    const again = await place.open();
    const { staged: fresh } = again.storage;
    const late = { ...deps, ...fresh, staged: fresh, graceMs: 0, restMs: 0 };
    await sweepBlobs(late, new AbortController().signal);
    expect(await again.blobs.open(orphan)).toBeNull();
    await again.close();
    expect((await examine({ path: place.path, isDeep: true })).findings).toEqual([]);
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  } finally {
    await place.remove();
  }
}, 60_000);
