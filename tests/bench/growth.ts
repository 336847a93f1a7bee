// What a full queue costs: claims, a page of a listing, the start and the memory with no job queued and with many;
// and a queue full of jobs that fit nobody. The same binary, the same run.
//
//   bun tests/bench/growth.ts --binary dist/gridlike --count 1000000 --runs 5

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createSqliteJobStore } from "../../src/store/sqlite/sqlite-job-store.ts";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { atEndOfTurn } from "../../src/platform/turn.ts";
import { noOptions } from "../support/a-job.ts";
import { aNewJob } from "../support/builders.ts";
import { percentile, spreadOf } from "./figures.ts";
import { readMemory } from "./processes.ts";
import { startServer, type BenchServer } from "./server.ts";

const { values } = parseArgs({
  options: {
    binary: { type: "string", default: "dist/gridlike" },
    directory: { type: "string", default: "/tmp" },
    count: { type: "string", default: "1000000" },
    claims: { type: "string", default: "500" },
    runs: { type: "string", default: "5" },
  },
});
const [count, claimCount, runCount] = [values.count, values.claims, values.runs].map(Number) as [
  number,
  number,
  number,
];

type Queue = "empty" | "full" | "blocked";

/** Jobs of 1 KiB straight into the database of a stopped server: the bulk route has a measure of its own. */
async function fill(folder: string, queue: Queue): Promise<void> {
  const jobs = createSqliteJobStore({
    file: join(folder, "data/grid.db"),
    batchSize: 100,
    durability: "process",
    atEndOfTurn,
    clock: createSystemClock(),
    onBroken: (error) => {
      throw error;
    },
  });
  const inline = new Uint8Array(1024).fill(7);
  const payload = { sha256: sha256Hex(inline), size: 1024, name: "", contentType: null, inline };
  // A group whose limit is used up by nobody: held jobs and full groups alike are never asked for.
  const options = queue === "blocked" ? { ...noOptions, hold: true } : noOptions;
  for (let done = 0; done < count; done += 1000) {
    const page = Array.from({ length: Math.min(1000, count - done) }, () => {
      const id = Bun.randomUUIDv7();
      return aNewJob({ id, key: id, payload, options });
    });
    await jobs.add(page);
  }
  await jobs.close();
}

async function measure(queue: Queue) {
  let server = await startServer({
    binary: resolve(values.binary),
    directory: values.directory,
    durability: "power",
  });
  try {
    if (queue !== "empty") {
      await server.end();
      await fill(newestFolder(), queue);
      server = await server.again();
    }
    const { readyMs } = server;
    const pageMs = await timePages(server);
    const claimMs = await timeClaims(server);
    return { readyMs, pageMs, claimMs, memoryMib: readMemory(server.pid).residentMib };
  } finally {
    await server.stop();
  }
}

/** Submits an immediate job and claims it by HTTP, one after the other: the median claim in milliseconds. */
async function timeClaims({ url, apiKey, workerToken }: BenchServer): Promise<number> {
  const tookMs: number[] = [];
  for (let claim = 0; claim < claimCount; claim += 1) {
    const submit = `${url}/api/jobs/submit?priority=immediate&key=claim-${claim}`;
    const added = await fetch(submit, {
      method: "POST",
      headers: { "X-API-KEY": apiKey },
      body: "x",
    });
    if (added.status !== 202) throw new Error(await added.text());
    await added.arrayBuffer();
    const startedAt = performance.now();
    const claimed = await fetch(`${url}/api/work/claim?wait_s=5`, {
      method: "POST",
      headers: { "X-API-KEY": workerToken },
    });
    if (claimed.status !== 200) throw new Error(`claim: ${claimed.status} ${await claimed.text()}`);
    await claimed.arrayBuffer();
    tookMs.push(performance.now() - startedAt);
  }
  return percentile(tookMs, 0.5);
}

async function timePages({ url, apiKey }: BenchServer): Promise<number> {
  const tookMs: number[] = [];
  for (const query of [
    "",
    "?status=pending",
    "?status=done",
    "?order=oldest",
    "?status=pending&order=oldest",
  ]) {
    for (let round = 0; round < 10; round += 1) {
      const startedAt = performance.now();
      const page = await fetch(`${url}/api/jobs${query}`, { headers: { "X-API-KEY": apiKey } });
      if (page.status !== 200) throw new Error(await page.text());
      await page.arrayBuffer();
      tookMs.push(performance.now() - startedAt);
    }
  }
  return percentile(tookMs, 0.5);
}

function newestFolder(): string {
  const folders = readdirSync(values.directory)
    .filter((name) => name.startsWith("gridlike-bench-"))
    .map((name) => join(values.directory, name))
    .filter((path) => existsSync(join(path, "data/grid.db")));
  const [folder] = folders;
  if (folder === undefined || folders.length > 1)
    throw new Error("Clear other gridlike-bench-* first.");
  return folder;
}

const results: Record<Queue, Awaited<ReturnType<typeof measure>>[]> = {
  empty: [],
  full: [],
  blocked: [],
};
for (let run = 0; run < runCount; run += 1) {
  for (const queue of ["empty", "full", "blocked"] as const)
    results[queue].push(await measure(queue));
}
console.log(`${count} jobs of 1 KiB queued; medians of ${runCount} runs (min–max)`);
for (const [queue, runs] of Object.entries(results)) {
  const show = (name: "readyMs" | "pageMs" | "claimMs" | "memoryMib") => {
    const { median, min, max } = spreadOf(runs.map((run) => run[name]));
    return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  };
  console.log(
    `${queue.padEnd(8)} claim ${show("claimMs")} ms · page ${show("pageMs")} ms · ready ${show("readyMs")} ms · memory ${show("memoryMib")} MiB`,
  );
}
const median = (queue: Queue) => spreadOf(results[queue].map(({ claimMs }) => claimMs)).median;
console.log(`claim full / empty     ${(median("full") / median("empty")).toFixed(2)}`);
console.log(`claim blocked / empty  ${(median("blocked") / median("empty")).toFixed(2)}`);
