// The measures: what is done once for each of them, and the figures that this gives. Each run has a server of its
// own on a fresh data directory, and is warmed up before anything counts.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type {
  DiskAnswer,
  DiskAsk,
  Helper,
  LoadAnswer,
  LoadAsk,
  Speech,
  WorkersAsk,
} from "./asks.ts";
import { spreadOf, type Figures } from "./figures.ts";
import { cpuPer, readCpu, readMemory } from "./processes.ts";
import { startServer, type BenchServer, type ServerOptions } from "./server.ts";

export type Bench = {
  readonly load: Helper<LoadAsk, LoadAnswer>;
  readonly workers: Helper<WorkersAsk, null>;
  readonly disk: Helper<DiskAsk, DiskAnswer>;
  readonly ceilingServer: Helper<null, string>;
  readonly jobCount: number;
  readonly warmupCount: number;
  readonly inFlight: number;
  readonly workerCount: number;
  readonly speech: Speech;
  /** Workers that are connected and have nothing to do, in F. */
  readonly idleCount: number;
};

export type Measure = (bench: Bench, server: ServerOptions) => Promise<Figures>;

/** Starts of the server in one run of F. */
const startCount = 10;
const latencyJobCount = 1_000;

type Pattern = Pick<LoadAsk, "pattern" | "body"> & {
  readonly count: number;
  readonly inFlight: number;
  readonly workerCount: number;
};

/** W: so many requests in flight, each gets its result before the next. */
export const measureWindow =
  (body: "raw" | "multipart"): Measure =>
  (bench, options) =>
    measureJobs(bench, options, {
      pattern: "window",
      body,
      count: bench.jobCount,
      inFlight: bench.inFlight,
      workerCount: bench.workerCount,
    });

/** B: single submissions as fast as they are taken; results are collected beside them. */
export const measureBulk: Measure = (bench, options) =>
  measureJobs(bench, options, {
    pattern: "bulk",
    body: "raw",
    count: bench.jobCount,
    inFlight: bench.inFlight,
    workerCount: bench.workerCount,
  });

/** L: one job after the other, with one idle worker. */
export const measureLatency: Measure = (bench, options) =>
  measureJobs(bench, options, {
    pattern: "window",
    body: "raw",
    count: latencyJobCount,
    inFlight: 1,
    workerCount: 1,
  });

async function measureJobs(
  bench: Bench,
  options: ServerOptions,
  { count, workerCount, ...pattern }: Pattern,
): Promise<Figures> {
  const { load, workers, warmupCount, inFlight } = bench;
  const server = await startServer(options);
  try {
    const { url, apiKey, workerToken: token } = server;
    await workers.ask({ do: "join", url, token, count: workerCount, ...bench.speech });
    await load.ask({ ...pattern, url, apiKey, count: warmupCount, inFlight });
    const pids = [server.pid, load.pid, workers.pid];
    const before = pids.map(readCpu);
    const { seconds, ms } = await load.ask({ ...pattern, url, apiKey, count });
    const after = pids.map(readCpu);
    const memory = readMemory(server.pid);
    const [ours, loads, works] = before.map((cpu, n) => cpuPer(count, cpu, after[n] ?? cpu));
    if (ours === undefined || loads === undefined || works === undefined)
      throw new Error("No CPU.");
    return {
      jobsPerSecond: count / seconds,
      serverUs: ours.us,
      serverUserUs: ours.userUs,
      serverSystemUs: ours.systemUs,
      serverMainUs: ours.mainUs,
      loadUs: loads.us,
      workersUs: works.us,
      totalUs: ours.us + loads.us + works.us,
      p50Ms: ms.p50,
      p95Ms: ms.p95,
      p99Ms: ms.p99,
      residentMib: memory.residentMib,
      peakMib: memory.peakMib,
    };
  } finally {
    await workers.ask({ do: "leave" });
    await server.stop();
  }
}

/** F: how soon it serves, what it needs while nothing happens, and how large it is. */
export const measureFootprint: Measure = async (bench, options) => {
  const first: number[] = [];
  const again: number[] = [];
  for (let n = 0; n < startCount; n += 1) {
    let server: BenchServer = await startServer(options);
    try {
      first.push(server.readyMs);
      server = await server.again();
      again.push(server.readyMs);
    } finally {
      await server.stop();
    }
  }
  const server = await startServer(options);
  try {
    const { url, pid, workerToken: token } = server;
    const alone = readMemory(pid);
    await bench.workers.ask({ do: "join", url, token, count: bench.idleCount, ...bench.speech });
    await Bun.sleep(2_000); // What joining left behind is collected, or not.
    const crowded = readMemory(pid);
    return {
      readyFirstMs: spreadOf(first).median,
      readyAgainMs: spreadOf(again).median,
      aloneMib: alone.residentMib,
      aloneAnonymousMib: alone.anonymousMib,
      crowdedMib: crowded.residentMib,
      crowdedAnonymousMib: crowded.anonymousMib,
      binaryMib: statSync(options.binary).size / 2 ** 20,
    };
  } finally {
    await bench.workers.ask({ do: "leave" });
    await server.stop();
  }
};

/** What the parts of a job cost at least on this machine, just now. */
export async function measureCeilings(
  bench: Bench,
  { directory: parent }: Pick<ServerOptions, "directory">,
): Promise<Figures> {
  const { load, workers, disk, ceilingServer, inFlight } = bench;
  const url = await ceilingServer.ask(null);
  const cost = async (count: number, run: () => Promise<unknown>) => {
    const [before, at] = [readCpu(ceilingServer.pid), performance.now()];
    await run();
    const seconds = (performance.now() - at) / 1_000;
    return { ...cpuPer(count, before, readCpu(ceilingServer.pid)), perSecond: count / seconds };
  };
  const http = async (pattern: "post" | "get") => {
    const ask = { url, apiKey: "none", pattern, body: "raw", inFlight } as const;
    await load.ask({ ...ask, count: requestCount / 4 });
    return cost(requestCount, () => load.ask({ ...ask, count: requestCount }));
  };
  const echo = async (deep: number) => {
    const ask = { do: "echo", url, sockets: 8, inFlight: deep } as const;
    await workers.ask({ ...ask, count: echoCount / 4 });
    return cost(echoCount, () => workers.ask({ ...ask, count: echoCount }));
  };
  const post = await http("post");
  const get = await http("get");
  const many = await echo(32);
  const alone = await echo(1);
  const directory = mkdtempSync(join(parent, "gridlike-bench-"));
  try {
    const sqlite = await disk.ask({ do: "sqlite", directory, count: factCount });
    const sync = await disk.ask({ do: "sync", directory, count: 500 });
    return {
      postUs: post.us,
      postPerSecond: post.perSecond,
      getUs: get.us,
      getPerSecond: get.perSecond,
      frameUs: many.us / 2,
      frameAloneUs: alone.us / 2,
      sqliteUs: sqlite.cpuUs,
      sqlitePerSecond: sqlite.perSecond,
      syncP50Ms: sync.ms.p50,
      syncP99Ms: sync.ms.p99,
      sumUs: post.us + get.us + framesPerJob * (many.us / 2) + sqlite.cpuUs,
      sumAloneUs: post.us + get.us + framesPerJob * (alone.us / 2) + sqlite.cpuUs,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const requestCount = 20_000;
const echoCount = 80_000;
const factCount = 20_000;

/** Of the classic protocol: the payload, the result, the question for the status and its answer. */
const framesPerJob = 4;
