// One run of the simulation: everything that one seed decides, from the first submission until all is quiet.

import { createMemoryBlobStore } from "../../src/blobs/memory/memory-blob-store.ts";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { BlobStore } from "../../src/blobs/blob-store.ts";
import type { Content } from "../../src/domain/blob-ref.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { createChance } from "./chance.ts";
import { requireStanding, runClients, tidyUp } from "./clients.ts";
import { createDisk } from "./disk.ts";
import { createJudge, type Judge } from "./judge.ts";
import { turnKnobs, type Knobs } from "./knobs.ts";
import { createLedger } from "./ledger.ts";
import { createLiveness } from "./liveness.ts";
import type { Mutant } from "./mutants.ts";
import { runNemesis } from "./nemesis.ts";
import { createNetwork, type Link } from "./network.ts";
import { runPullers, type PullCall } from "./pullers.ts";
import { createScheduler, type Scheduler } from "./scheduler.ts";
import { createServer } from "./server.ts";
import { createSimClock, createWall, type Wall } from "./sim-clock.ts";
import { createTrace, type Trace, type Violation } from "./trace.ts";
import { createWorks } from "./work.ts";
import { createOnlooker, type Onlooker } from "./v2-onlooker.ts";
import { createV2Liveness } from "./v2-liveness.ts";
import { createV2Network } from "./v2-network.ts";
import { runV2Workers, type V2Workers } from "./v2-workers.ts";
import { runWorkers } from "./workers.ts";

export type Report = {
  readonly seed: number;
  readonly violation: Violation | null;
  /** The same for every run of the same seed and product. */
  readonly traceHash: string;
  readonly counts: ReadonlyMap<string, number>;
  /** The last things that happened. */
  readonly tail: readonly string[];
  readonly knobs: Knobs;
  readonly jobCount: number;
  readonly eventCount: number;
  readonly virtualMs: number;
};

export type RunOptions = { readonly mutant?: Mutant | null; readonly lineCount?: number };

/** Longest that healing may take: two quarantines of the longest kind. */
const healMsMax = 2 * 3_600_000;

/** Longest that the spools may take to become empty: a few tries of workers that wait long between them. */
const deliverMsMax = 300_000;

/** Above the longest wait a client asks for: nobody waits any more. */
const quietMs = 70_000;

export async function runSeed(
  seed: number,
  { mutant = null, lineCount = 60 }: RunOptions = {},
): Promise<Report> {
  const world = createWorld(seed, mutant, lineCount);
  const { scheduler, trace } = world;
  let isOver = false;
  world.play().then(
    () => (isOver = true),
    (error: unknown) => trace.violate("sim", error instanceof Error ? error.stack! : String(error)),
  );
  while (!isOver && trace.violation() === null) {
    if (!(await scheduler.step())) trace.violate("sim", "nothing is left to happen");
  }
  return {
    seed,
    violation: trace.violation(),
    traceHash: trace.hash(),
    counts: trace.counts(),
    tail: trace.tail(),
    knobs: world.knobs,
    jobCount: world.judge.jobCount(),
    eventCount: scheduler.eventCount(),
    virtualMs: scheduler.nowMs(),
  };
}

function createWorld(seed: number, mutant: Mutant | null, lineCount: number) {
  const chance = createChance(`seed ${seed}`);
  const knobs = { ...turnKnobs(chance.fork("knobs")), ...mutant?.knobs };
  const scheduler: Scheduler = createScheduler(() => trace.violate("spin", "time stands still"));
  const trace: Trace = createTrace(() => scheduler.nowMs(), lineCount);
  const wall = createWall();
  const jobs = createMemoryJobStore({ batchSize: 10 });
  const blobs = createMemoryBlobStore({
    clock: createSimClock(scheduler, wall),
    random: chance.fork("blobs"),
  });
  const works = createWorks(chance.fork("works"));
  const ledger = createLedger();
  let isHealing = false;
  let isSettled = false;
  let isOver = false;
  const base = { scheduler, knobs, trace, wall, works, ledger, isHealing: () => isHealing };
  const signs = new Map<string, number>();
  const judge: Judge = createJudge({
    ...base,
    jobs,
    types: knobs.types,
    signs,
    incarnation: () => server.incarnation(),
    isStarting: () => server.isStarting(),
    onV2Loss: (known, former, job) => onlooker.checkLoss(known, former, job),
    madeSoonMs: (seq, revision) => disk.madeSoonMs(seq, revision),
    onClaim: (claimed) => liveness.lookAtOrder(claimed),
  });
  const fork = (name: string) => ({ ...base, judge, chance: chance.fork(name) });
  const disk = createDisk({ ...fork("disk"), jobs, blobs, onCommit: judge.read });
  const network = createNetwork(fork("network"));
  const onlooker: Onlooker = createOnlooker({
    ...base,
    judge: () => judge,
    disk: () => disk,
    bornMs: () => server.bornMs(),
  });
  const v2 = createV2Network({ ...fork("v2 network"), onlooker });
  const server = createServer({
    ...fork("server"),
    v2,
    onListen: onlooker.reset,
    disk,
    network,
    mutant,
    platter: { jobs, blobs },
  });
  const idleSince = new WeakMap<Link, () => number | null>();
  const calls = new Set<PullCall>();
  const liveness = createLiveness({
    ...fork("liveness"),
    calls,
    disk,
    network,
    server,
    onlooker,
    idleSinceMs: (link) => idleSince.get(link)?.() ?? null,
  });
  const v2Liveness = createV2Liveness({ ...fork("v2 liveness"), onlooker, server, disk });
  const look = () => {
    liveness.look();
    v2Liveness.look();
  };

  const play = async () => {
    const guard = (work: Promise<void>) =>
      work.catch((error: unknown) => trace.violate("sim", (error as Error).stack ?? String(error)));
    const nemesis = guard(runNemesis({ ...fork("nemesis"), server, network, disk }));
    const workers = guard(
      runWorkers({ ...fork("workers"), network, isOver: () => isOver, idleSince }),
    );
    const pullers = guard(
      runPullers({ ...fork("pullers"), server, calls, signs, isOver: () => isSettled }),
    );
    const v2Workers = runV2Workers({
      ...fork("v2 workers"),
      server,
      network: v2,
      onlooker,
      mutant,
      isOver: () => isOver,
    });
    void guard(v2Workers.done);
    const clientsDeps = { ...fork("clients"), server };
    const clients = guard(runClients(clientsDeps));
    void guard(
      lookOften(
        scheduler,
        look,
        () => isSettled,
        () => isHealing,
      ),
    );
    await scheduler.sleep(knobs.activeMs);
    isHealing = true;
    trace.note("heal");
    settleWall(wall, scheduler.nowMs());
    await Promise.all([nemesis, clients]);
    await untilSettled({ scheduler, judge, trace }, () => tidyUp(clientsDeps));
    await checkPlatter({ jobs, blobs, judge, trace });
    isSettled = true;
    await Promise.all([pullers, scheduler.sleep(quietMs)]);
    if (knobs.sweepMs !== null) await checkGarbage({ jobs, blobs, trace });
    await untilNoTimer();
    await untilDelivered(v2Workers);
    trace.note("quiet");
    const [laden] = v2Workers.laden();
    if (laden !== undefined) trace.violate("spool", `${laden} delivers nothing more`);
    await checkQuiet();
    isOver = true;
    for (const link of network.links()) link.hangUp();
    await Promise.all([workers, v2Workers.done]);
    await scheduler.sleep(20_000);
    await checkEmpty();
    server.kill("drop");
    await server.boot();
    await scheduler.sleep(5_000);
    await judge.read();
    await checkPlatter({ jobs, blobs, judge, trace });
    for (const order of ledger.orders()) requireStanding(judge, trace, order);
  };

  const checkQuiet = async () => {
    const stats = await server.broker()!.stats();
    const seated = [...network.links()].filter((link) => link.isSeated() && link.isRegistered());
    const { connected, busy } = stats.workers;
    const v2Seated = [...onlooker.talks()].filter(({ isWelcomed }) => isWelcomed);
    if (busy !== 0) trace.violate("I14", `${busy} leases are held and no job runs`);
    if (connected !== seated.length + v2Seated.length) {
      const workers = `${seated.length} and ${v2Seated.length} workers`;
      trace.violate("I14", `${connected} seats and ${workers}`);
    }
    if (server.timerCount() > looks())
      trace.violate("I14", `${server.timerCount()} timers are armed`);
    const stored = stats.jobs.reduce((sum, { count }) => sum + count, 0);
    if (stored !== judge.cases().size)
      trace.violate("I1", `${stored} of ${judge.cases().size} jobs`);
  };

  /** Who has failed often waits a minute before he tries again. */
  const untilDelivered = async ({ laden }: V2Workers) => {
    const endsAt = scheduler.nowMs() + deliverMsMax;
    while (laden().length > 0 && scheduler.nowMs() < endsAt) await scheduler.sleep(1_000);
  };

  /** One timer looks for silent workers while there are any. */
  const looks = () => (v2.links().size > 0 ? 1 : 0);

  /** Quarantines end by a timer, after an hour at most. */
  const untilNoTimer = async () => {
    const endsAt = scheduler.nowMs() + healMsMax;
    while (server.timerCount() > looks() && scheduler.nowMs() < endsAt)
      await scheduler.sleep(60_000);
  };

  const checkEmpty = async () => {
    const left = server.broker()!.workers();
    if (left.length > 0) trace.violate("I14", `${left.length} workers are remembered`);
    if (server.timerCount() > 0) trace.violate("I14", `${server.timerCount()} timers are armed`);
  };

  return { play, scheduler, trace, knobs, judge };
}

async function lookOften(
  scheduler: Scheduler,
  look: () => void,
  isOver: () => boolean,
  isHealing: () => boolean,
): Promise<void> {
  while (!isOver()) {
    look();
    await scheduler.sleep(isHealing() ? 1_000 : 250);
  }
}

/**
 * A time server sets the wall clock right: to the latest it ever showed, so that no wait lies beyond it. After
 * a restart the server cannot know that the clock was set back before.
 */
function settleWall(wall: Wall, nowMs: number): void {
  if (wall.offsetMs === wall.offsetMsMax) return;
  wall.offsetMs = wall.offsetMsMax;
  wall.setForwardAtMs = nowMs;
}

type Standing = { readonly scheduler: Scheduler; readonly judge: Judge; readonly trace: Trace };

/** Every job settles, within bounds. What workers give back late may be what waits for ever: tidied up as well. */
async function untilSettled(
  { scheduler, judge, trace }: Standing,
  tidy: () => Promise<void>,
): Promise<void> {
  const endsAt = scheduler.nowMs() + healMsMax;
  for (let tidiedMs = Number.NEGATIVE_INFINITY; scheduler.nowMs() < endsAt;) {
    if (scheduler.nowMs() - tidiedMs >= 60_000) {
      tidiedMs = scheduler.nowMs();
      await tidy();
    }
    if (judge.active().size === 0) return;
    await scheduler.sleep(1_000);
  }
  const [stuck] = judge.active().values();
  if (stuck === undefined) return;
  const { seq, type, status, record } = stuck;
  const avoid = record?.avoid.join(" ") ?? "";
  trace.violate(
    "stuck",
    `job ${seq} (${type}) stays ${status}, revision ${record?.revision}, avoids ${avoid}`,
  );
}

type Platter = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly judge: Judge;
  readonly trace: Trace;
};

/** I9: every blob that a record refers to is there, whole. And the records are what the events told. */
async function checkPlatter({ jobs, blobs, judge, trace }: Platter): Promise<void> {
  await judge.audit();
  for (const { seq, record } of judge.cases().values()) {
    if (record === null) continue;
    const contents = record.status === "done" ? [record.payload, record.result] : [record.payload];
    for (const content of contents) {
      const bytes = await readBack(jobs, blobs, content);
      const isRight = bytes !== null && sha256Hex(bytes) === content.sha256;
      if (!isRight) trace.violate("I9", `bytes of job ${seq} are gone or wrong: ${content.name}`);
    }
  }
}

/** What no record refers to was swept away by now. */
async function checkGarbage({ jobs, blobs, trace }: Omit<Platter, "judge">): Promise<void> {
  for (const { name } of await blobs.list(null, 10_000)) {
    if (!(await jobs.usesBlob(name))) return trace.violate("garbage", `${name} is never swept`);
  }
}

async function readBack(
  jobs: JobStore,
  blobs: BlobStore,
  content: Content,
): Promise<Uint8Array | null> {
  const small = await jobs.inline(content);
  if (small !== null) return small;
  if (content.name === "") return null;
  const stream = await blobs.open(content);
  return stream === null ? null : new Uint8Array(await new Response(stream).arrayBuffer());
}
