// The loop: start, load, SIGKILL at a random moment, again; then peace, and judgement. One call is one run on
// one fresh data directory. The seed fixes the plan of kills, sizes and choices; which request meets which kill
// is up to the machine.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../../src/platform/random.ts";
import { createSeededRandom } from "../seeded-random.ts";
import { createApi, textOf, type Api, type WireJob } from "./api.ts";
import { createFindings, type Findings } from "./findings.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { judgeFiles, type FileFigures } from "./judge-files.ts";
import { judgeJobs, settle } from "./judge.ts";
import { openLedger, readLedger } from "./ledger.ts";
import { startLoad, type Load } from "./load.ts";
import { createVictim, makeSecrets, type Victim } from "./victim.ts";

export type KillLoopOptions = {
  readonly binary: string;
  /** An empty directory of this run's own. */
  readonly directory: string;
  readonly kills: number;
  readonly seed: number;
  /** Whether workers fail some jobs and drop some connections. Costs the time of their back-off in the end. */
  readonly isUnruly: boolean;
  /** How long the jobs may take to be settled once nobody kills the server any more. */
  readonly settleMsMax: number;
  readonly note?: (sentence: string) => void;
};

export type KillLoopFigures = FileFigures & {
  readonly kills: number;
  readonly killsDuringStart: number;
  readonly attempted: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly resultsRead: number;
  readonly cancelled: number;
  readonly deleted: number;
  readonly jobs: number;
  readonly done: number;
  readonly failed: number;
  readonly successors: number;
  readonly executions: number;
  /** Jobs that workers began more than once, by a kill, a crash or a failure: allowed, and shown. */
  readonly executedAgain: number;
  readonly workerCrashes: number;
  readonly startMsMedian: number;
  readonly loopSeconds: number;
  readonly wallSeconds: number;
};

export type KillLoopOutcome = { readonly findings: Findings; readonly figures: KillLoopFigures };

const crew = [
  ["plain", 4],
  ["first", 3],
  ["second", 3],
  ["duel", 3],
] as const;

const killMsMax = 400;
const startKillMsMax = 60;
const burstKillMsMax = 250;

export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopOutcome> {
  const startedAt = performance.now();
  const { binary, directory, seed } = options;
  const findings = createFindings();
  const random = createSeededRandom(seed);
  const secrets = makeSecrets();
  await mkdir(join(directory, "ledger"), { recursive: true });
  const ledger = await openLedger(join(directory, "ledger", "lines"));
  const victim = await createVictim({
    binary,
    directory: join(directory, "server"),
    secrets,
    findings,
  });
  const api = createApi(victim.url, secrets.apiKey);
  const shared = { ledger, findings, seed };
  const load = startLoad({ ...shared, api, random: createSeededRandom(seed + 1), clientCount: 8 });
  const { isUnruly } = options;
  const fleetDeps = { url: victim.url, token: secrets.workerToken, ledger, crew, isUnruly };
  const fleet = startFleet({ ...fleetDeps, random: createSeededRandom(seed + 2) });
  const run: Run = { options, findings, random, victim, api, load, fleet, startMs: [], early: 0 };
  try {
    const kills = await killAgainAndAgain(run);
    const loopSeconds = secondsSince(startedAt);
    options.note?.(`${kills} kills in ${loopSeconds.toFixed(1)} s; now peace`);
    const jobs = await makePeace(run);
    const view = await readLedger(ledger.path, findings);
    const entries = [...view.entries.values()];
    const judged = jobs ? await judgeJobs({ api, view, findings, isUnruly }) : [];
    await fleet.stop();
    if (jobs) await victim.stop();
    const files = await judgeFiles(victim.dataDir, findings);
    const { executedAgain, executions } = executionsOf(fleet, judged);
    const figures: KillLoopFigures = {
      ...files,
      ...load.counts,
      kills,
      killsDuringStart: run.early,
      resultsRead: entries.filter(({ committed }) => committed !== null).length,
      cancelled: entries.filter(({ isCancelled }) => isCancelled).length,
      deleted: entries.filter(({ isDeleted }) => isDeleted).length,
      jobs: judged.length,
      done: judged.filter(({ status }) => status === "done").length,
      failed: judged.filter(({ status }) => status === "failed").length,
      successors: judged.filter(({ from_id }) => from_id !== null).length,
      executions,
      executedAgain,
      workerCrashes: fleet.crashCount,
      startMsMedian: Math.round(
        run.startMs.toSorted((a, b) => a - b)[run.startMs.length >> 1] ?? 0,
      ),
      loopSeconds,
      wallSeconds: secondsSince(startedAt),
    };
    return { findings, figures };
  } finally {
    await fleet.stop();
    await victim.abandon();
    await ledger.close();
  }
}

type Run = {
  readonly options: KillLoopOptions;
  readonly findings: Findings;
  readonly random: Random;
  readonly victim: Victim;
  readonly api: Api;
  readonly load: Load;
  readonly fleet: Fleet;
  readonly startMs: number[];
  early: number;
};

/** Answers with the number of kills; fewer than asked for when the server does not start any more. */
async function killAgainAndAgain(run: Run): Promise<number> {
  const { options, random } = run;
  let kills = 0;
  while (kills < options.kills) {
    const chance = random.fraction();
    // The first starts on an empty directory make everything there: they are killed while they do.
    const kind = kills < 3 || chance < 0.12 ? "start" : chance < 0.17 ? "burst" : "load";
    const repeats = kind === "burst" ? Math.min(3, options.kills - kills) : 1;
    for (let again = 0; again < repeats; again += 1) {
      const isAlive = await startAndKill(run, kind);
      if (!isAlive) return kills;
      kills += 1;
    }
    if (kills % 25 === 0)
      options.note?.(`${kills} kills, ${run.load.counts.acknowledged} acknowledged`);
  }
  return kills;
}

async function startAndKill(run: Run, kind: "start" | "burst" | "load"): Promise<boolean> {
  const { random, victim, load } = run;
  victim.start();
  if (kind === "start") {
    run.early += 1;
    await Bun.sleep(random.fraction() * startKillMsMax);
  } else {
    if (!(await becomeReady(run))) return false;
    load.open();
    await Bun.sleep(random.fraction() * (kind === "burst" ? burstKillMsMax : killMsMax));
  }
  load.shut();
  await victim.kill();
  return true;
}

async function becomeReady({ victim, findings, startMs }: Run): Promise<boolean> {
  const from = performance.now();
  if (await victim.ready()) {
    startMs.push(performance.now() - from);
    return true;
  }
  findings.note("L11", "the server does not become ready");
  return false;
}

/** One more start without a kill. Everything unknown is asked for again, everything taken in is run. */
async function makePeace(run: Run): Promise<boolean> {
  const { victim, load, api, options } = run;
  if (!victim.isRunning) victim.start();
  const isReady = await becomeReady(run);
  if (!isReady) return false;
  await load.finish();
  await checkIncarnation(run);
  await settle(api, options.settleMsMax);
  return true;
}

/** The server counts its starts, durably: every start that became ready is one. */
async function checkIncarnation({ api, victim, findings, startMs }: Run): Promise<void> {
  const answer = await api.ask("GET", "/stats");
  if (answer?.status !== 200) return;
  const { incarnation, repairs } = JSON.parse(textOf(answer)) as {
    incarnation: number;
    repairs: number;
  };
  if (incarnation < startMs.length || incarnation > victim.startCount) {
    findings.note(
      "L7",
      `start ${incarnation} after ${startMs.length} to ${victim.startCount} starts`,
    );
  }
  if (repairs !== 0) findings.note("L7", `${repairs} records were mended at a start`);
}

/** Duels run twice on purpose, and of a payload that two jobs share nobody can tell: neither counts. */
function executionsOf(fleet: Fleet, jobs: readonly WireJob[]) {
  const jobsByPayload = Map.groupBy(jobs, ({ payload }) => payload.sha256);
  let executedAgain = 0;
  for (const [payload, times] of fleet.begunByPayload) {
    const [job, ...others] = jobsByPayload.get(payload) ?? [];
    if (times > 1 && others.length === 0 && job !== undefined && job.type !== "duel") {
      executedAgain += 1;
    }
  }
  return { executedAgain, executions: fleet.begunCount };
}

function secondsSince(from: number): number {
  return (performance.now() - from) / 1000;
}
