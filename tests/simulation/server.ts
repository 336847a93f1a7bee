// The lives of the simulated server: it boots on what is durable, listens, and is stopped or killed. Calls of
// clients reach it over a network that may lose the answer; when it dies nobody is told what became of them.

import type { Broker } from "../../src/broker/broker.ts";
import { createBroker, type BrokerDeps } from "../../src/broker/create-broker.ts";
import { watchStaged } from "../../src/broker/staged.ts";
import { sweepBlobs } from "../../src/broker/sweep-blobs.ts";
import { startUpkeep } from "../../src/broker/upkeep.ts";
import { GridError, type ProblemCode } from "../../src/domain/errors.ts";
import { createIds } from "../../src/platform/ids.ts";
import type { Log } from "../../src/platform/log.ts";
import type { Chance } from "./chance.ts";
import type { Disk, Fate } from "./disk.ts";
import type { Knobs } from "./knobs.ts";
import type { Mutant, MutantWorld } from "./mutants.ts";
import type { Network } from "./network.ts";
import type { V2Network } from "./v2-network.ts";
import type { Scheduler } from "./scheduler.ts";
import { createSimClock, type SimClock, type Wall } from "./sim-clock.ts";
import type { Trace } from "./trace.ts";

/** What a client knows after a call. `unknown`: it may have happened or not. */
export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "refused"; readonly code: ProblemCode }
  | { readonly kind: "unknown" };

export type Server = {
  boot(): Promise<void>;
  /** Gone this instant. */
  kill(fate: Fate): void;
  /** Stops in good order, and is gone. */
  stop(): Promise<void>;
  /** The broker that listens, or null. */
  broker(): Broker | null;
  /** True from its birth until it listens. */
  isStarting(): boolean;
  incarnation(): number;
  /** When the newest life was born, and when it began to listen. */
  bornMs(): number;
  startedMs(): number;
  call<T>(verb: (broker: Broker) => Promise<T>): Promise<Answer<T>>;
  /** Timers that the broker has armed. */
  timerCount(): number;
};

export type ServerDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly disk: Disk;
  readonly network: Network;
  readonly v2: V2Network;
  readonly wall: Wall;
  readonly mutant: Mutant | null;
  readonly isHealing: () => boolean;
  /** A new life begins to listen. */
  readonly onListen: () => void;
  /** For mutants alone: what is durable. */
  readonly platter: MutantWorld["platter"];
};

type Life = {
  readonly broker: Broker;
  readonly clock: SimClock;
  readonly underWay: Set<() => void>;
  readonly atEnd: readonly (() => void)[];
  isListening: boolean;
};

export const rightToken = "the right token";

/** A stop that takes longer hangs: uploads are given 20 s. */
const stopMsMax = 30_000;

export function createServer(deps: ServerDeps): Server {
  const { scheduler, chance, knobs, trace, disk, network } = deps;
  const memory = new Map<string, string>();
  let life: Life | null = null;
  let incarnation = 0;
  let [bornMs, startedMs] = [0, 0];

  const end = () => {
    if (life === null) return;
    const { clock, underWay, atEnd } = life;
    clock.kill();
    for (const call of atEnd) call();
    life.isListening = false;
    network.listen(null);
    network.dropAll();
    deps.v2.listen(null);
    deps.v2.dropAll();
    for (const giveUp of underWay) giveUp();
    life = null;
  };

  return {
    async boot() {
      const clock = createSimClock(scheduler, deps.wall);
      const sweepClock = createSimClock(scheduler, deps.wall);
      const mounted = disk.mount();
      const atEnd: (() => void)[] = [() => sweepClock.kill()];
      const mutantWorld = { ...deps, memory, onEnd: (call: () => void) => void atEnd.push(call) };
      const jobs = deps.mutant?.jobs?.(mounted.jobs, mutantWorld) ?? mounted.jobs;
      const blobs = deps.mutant?.blobs?.(mounted.blobs, mutantWorld) ?? mounted.blobs;
      const mine = (incarnation += 1);
      bornMs = scheduler.nowMs();
      trace.note("server.boot", `${mine}`);
      const staged = watchStaged({ jobs, blobs });
      const given = brokerDeps(deps, mine, clock);
      const sound = createBroker({
        ...given,
        jobs: staged.jobs,
        blobs: staged.blobs,
        clock: deps.mutant?.clock?.(clock) ?? clock,
      });
      const broker = deps.mutant?.broker?.(sound) ?? sound;
      const born: Life = { broker, clock, underWay: new Set(), atEnd, isListening: false };
      life = born;
      await jobs.setSetting("incarnation", `${mine}`);
      await jobs.declareTypes(knobs.types.map(({ name }) => name));
      await broker.start();
      if (life !== born) return;
      born.isListening = true;
      startedMs = scheduler.nowMs();
      const heard = deps.mutant?.staged?.(staged) ?? staged;
      sweepOften(deps, { ...staged, staged: heard, clock: sweepClock, log: given.log });
      deps.onListen();
      deps.v2.listen({
        attachWorker: (socket) =>
          deps.mutant?.attachWorker?.(broker, socket, mutantWorld) ?? broker.attachWorker(socket),
      });
      const attach = deps.mutant?.attach;
      network.listen((socket) =>
        attach === undefined ? broker.attachClassic(socket) : attach(broker, socket),
      );
    },
    kill(fate) {
      trace.note(`fault.kill-${fate}`);
      disk.crash(fate);
      end();
    },
    async stop() {
      const mine = life;
      if (mine === null) return;
      trace.note("fault.stop");
      let isStopped = false;
      scheduler.after(stopMsMax, () => {
        if (!isStopped && life === mine) trace.violate("stop", `not stopped after ${stopMsMax} ms`);
      });
      mine.broker.drain();
      deps.v2.listen(null);
      deps.v2.stopAll();
      await mine.broker.stop();
      isStopped = true;
      if (life !== mine) return;
      trace.note("server.stopped");
      network.listen(null);
      disk.crash("keep");
      end();
    },
    broker: () => (life?.isListening === true ? life.broker : null),
    isStarting: () => life?.isListening === false,
    incarnation: () => incarnation,
    bornMs: () => bornMs,
    startedMs: () => startedMs,
    async call<T>(verb: (broker: Broker) => Promise<T>): Promise<Answer<T>> {
      await scheduler.sleep(chance.between(0, knobs.linkMsMax));
      const asked = life;
      if (asked === null || !asked.isListening || !asked.broker.isAccepting()) {
        await scheduler.sleep(chance.between(0, knobs.linkMsMax));
        return { kind: "unknown" };
      }
      return new Promise<Answer<T>>((resolve) => {
        const settle = (answer: Answer<T>) => {
          if (!asked.underWay.delete(giveUp)) return;
          const isLost = chance.is(0.01);
          if (isLost) trace.note("fault.answer-lost");
          const told = isLost ? ({ kind: "unknown" } as const) : answer;
          scheduler.after(chance.between(0, knobs.linkMsMax), () => resolve(told));
        };
        const giveUp = () => settle({ kind: "unknown" });
        asked.underWay.add(giveUp);
        verb(asked.broker).then(
          (value) => settle({ kind: "ok", value }),
          (error: unknown) => settle(toAnswer(error)),
        );
      });
    },
    timerCount: () => life?.clock.timerCount() ?? 0,
  };

  function toAnswer(error: unknown): Answer<never> {
    if (error instanceof GridError && problemStatus(error) < 500) {
      return { kind: "refused", code: error.code };
    }
    const isExpected = error instanceof GridError || disk.isExcused();
    if (!isExpected) trace.violate("L11", `a call failed: ${String(error)}`);
    return { kind: "unknown" };
  }
}

function problemStatus({ code }: GridError): number {
  return code === "disk-low" || code === "overloaded" || code === "shutting-down" ? 503 : 400;
}

type Given = Omit<BrokerDeps, "jobs" | "blobs" | "clock">;

function brokerDeps(
  { chance, knobs, trace, disk }: ServerDeps,
  incarnation: number,
  clock: SimClock,
): Given {
  const random = chance.fork(`broker/${incarnation}`);
  return {
    random,
    incarnation,
    makeId: createIds(clock, random),
    log: createSimLog(trace, disk),
    types: knobs.types,
    smallBlobBytesMax: knobs.smallBlobBytesMax,
    classicBytesMax: knobs.classicBytesMax,
    kickAfterMs: 500,
    verifyWorkerToken: (token) => token === rightToken,
    durability: "power",
  };
}

type SweepDeps = Omit<Parameters<typeof sweepBlobs>[0], "graceMs" | "restMs">;

/** The collector of garbage, as the wiring of the product runs it, and in more of a hurry. */
function sweepOften({ knobs, isHealing }: ServerDeps, deps: SweepDeps): void {
  const everyMs = knobs.sweepMs;
  if (everyMs === null) return;
  let count = 0;
  const run = async (stop: AbortSignal) => {
    count += 1;
    // Healing may take hours, in which nothing races with it any more.
    if (everyMs < 1_000 && isHealing() && count % 10 > 0) return;
    await sweepBlobs({ ...deps, graceMs: 0, restMs: 0 }, stop);
  };
  startUpkeep(deps, [{ name: "sweep", firstMs: everyMs, everyMs, run }]);
}

/** An error in the log is a broken promise, unless the nemesis broke the disk. */
function createSimLog(trace: Trace, disk: Disk): Log {
  return {
    info: (event) => trace.note(`log.${event}`),
    warn: (event) => trace.note(`log.${event}`),
    error(event, error) {
      const message = error instanceof Error ? error.message : String(error);
      trace.note(`log.${event}`, message);
      if (!disk.isExcused()) trace.violate("L11", `${event}: ${message}`);
    },
  };
}
