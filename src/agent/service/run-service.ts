// Runs jobs by a program that was started once and serves HTTP on TASK_PORT, in any language: several copies, kept
// alive, each job to the one with the least to do. Nothing is known here of what the program does with a job.

import { GridError } from "../../domain/errors.ts";
import { warmInstanceCountMax } from "../../domain/limits.ts";
import { warmLookMs, warmStartMsMax, warmStopMs } from "../../domain/limits-worker.ts";
import { fileNamed } from "../../platform/find-file.ts";
import { findProgram } from "../../platform/find-program.ts";
import { freePorts, listenerOn, requestLocal } from "../../platform/local-service.ts";
import { currentFolder } from "../../platform/program.ts";
import { limitJob, shorterMs } from "../warm/job-limit.ts";
import { failed } from "../command/judge-end.ts";
import type { Assignment, Outcome, Report } from "../runner.ts";
import type { ServiceContract } from "./service-contract.ts";
import { createCrashWitnesses, fly } from "./service-flight.ts";
import { createServiceInstance } from "./service-instance.ts";
import type { ServiceInstance, Trouble } from "./service-instance.ts";
import type { Life } from "./service-life.ts";
import type { WarmDeps } from "../warm/warm-process.ts";
import type { WarmRunner } from "../warm/warm-runner.ts";

export type ServiceOptions = {
  readonly kind: "service";
  readonly argv: readonly string[];
  readonly instances: number;
  /** What the service finds in its environment, beside TASK_PORT, TASK_PATH and TASK_INSTANCE. */
  readonly env: { readonly [name: string]: string };
  readonly contract: ServiceContract;
  /** The type of its jobs: how sentences and statistics call it. */
  readonly type: string;
  /** Where it runs; left out, where the agent does. */
  readonly folder?: string;
  readonly startMsMax?: number;
  /** Longest run of a job, if that is shorter than the job's own; null or left out: no bound here. */
  readonly timeoutMs?: number | null;
  /** An instance that uses more is ended; null or left out: no bound. */
  readonly memoryBytesMax?: number | null;
  /** What becomes of an instance that answers nothing any more after a job was given up; left out, it is restarted. */
  readonly whenStuck?: "restart" | "leave";
};

type Seat = { readonly instance: ServiceInstance; readonly life: Life };

/** Starts the instances. Throws `malformed` when the program cannot be found. */
export function createServiceRunner(options: ServiceOptions, deps: WarmDeps): WarmRunner {
  const { instances: count, type, contract, timeoutMs = null, whenStuck = "restart" } = options;
  const called = type === "" ? "The service" : `The service "${type}"`;
  const program = programOf(options, deps);
  const flightDeps = { ...deps, contract, witnesses: createCrashWitnesses() };
  const ports = freePorts(count);
  const background = new Set<Promise<void>>();
  let change = Promise.withResolvers<void>();
  let isClosed = false;
  let turn = 0;

  const wake = () => {
    change.resolve();
    change = Promise.withResolvers<void>();
  };
  const instances = Array.from({ length: count }, (_, index) =>
    createServiceInstance(
      {
        ...program,
        number: index + 1,
        name: type,
        called,
        firstPort: ports.then((found) => found[index] ?? 0),
        startMsMax: options.startMsMax ?? warmStartMsMax,
        memoryBytesMax: options.memoryBytesMax ?? null,
      },
      deps,
      wake,
    ),
  );

  /** The least busy of those that take jobs, one after the other among equals; null: waiting helps. */
  function choose(): Seat | Trouble | null {
    const inTurn = [...instances.slice(turn), ...instances.slice(0, turn)];
    let best: Seat | null = null;
    for (const instance of inTurn) {
      const life = instance.life();
      if (life === null) continue;
      if (best === null || life.flights.size < best.life.flights.size) best = { instance, life };
    }
    if (best === null) {
      const troubles = instances.map((instance) => instance.trouble());
      return troubles.every((trouble) => trouble !== null) ? (troubles[0] ?? null) : null;
    }
    turn = (instances.indexOf(best.instance) + 1) % count;
    return best;
  }

  async function run(job: Assignment, report: Report, stop: AbortSignal): Promise<Outcome> {
    const stopped = limitJob(null, stop, deps.clock);
    try {
      for (;;) {
        if (isClosed) return { kind: "released", why: "preempted" };
        if (stop.aborted) return { kind: "stopped" };
        const chosen = choose();
        if (chosen === null) {
          await Promise.race([change.promise, stopped.reached]);
        } else if ("info" in chosen) {
          return afterTrouble(chosen);
        } else {
          const outcome = await runOn(chosen, job, report, stop);
          if (outcome !== "refused") return outcome;
        }
      }
    } finally {
      stopped.lift();
    }
  }

  async function runOn(
    { life, instance }: Seat,
    job: Assignment,
    report: Report,
    stop: AbortSignal,
  ): Promise<Outcome | "refused"> {
    const limitMs = shorterMs(job.timeoutMs, timeoutMs);
    const limit = limitJob(limitMs, stop, deps.clock);
    const end = await fly(life, job, report, limit, flightDeps);
    limit.lift();
    if (end.kind === "refused") {
      keep(untilItListensAgain(life));
      return "refused";
    }
    if (end.kind !== "abandoned") {
      if (end.kind === "done") instance.countDone();
      return end;
    }
    await endIfStuck(life, job.killAfterMs);
    if (limit.fired() === "stop") return { kind: "stopped" };
    const seconds = (limitMs ?? 0) / 1000;
    return failed(`The job ran for longer than its limit of ${seconds} s, and was given up.`);
  }

  /** A service that answers another request has seen that nobody waits for the former one, or can do both. */
  async function endIfStuck(life: Life, patienceMs: number): Promise<void> {
    if (whenStuck === "leave" || life.flights.size > 0 || life.hasEnded()) return;
    life.isDoubted = true;
    if (!(await answersWithin(life, patienceMs, deps))) {
      deps.log.warn("service.stuck", { service: type, port: life.address.port });
      await life.end(warmStopMs);
    }
    life.isDoubted = false;
    wake();
  }

  async function untilItListensAgain(life: Life): Promise<void> {
    life.isDoubted = true;
    const never = new AbortController().signal;
    const giveUpAt = deps.clock.monotonicMs() + (options.startMsMax ?? warmStartMsMax);
    while (!life.hasEnded() && (await listenerOn(life.address.port)) === null) {
      if (deps.clock.monotonicMs() >= giveUpAt) await life.end(warmStopMs);
      else await deps.clock.sleep(warmLookMs, never);
    }
    life.isDoubted = false;
    wake();
  }

  function keep(work: Promise<void>): void {
    background.add(work);
    void work.finally(() => background.delete(work));
  }

  function afterTrouble({ info, exitCode, signal }: Trouble): Outcome {
    return { ...failed(info), exitCode, signal };
  }

  return {
    run,
    stats: () => instances.map((instance) => instance.facts()),
    output: (number) => instances[number - 1]?.output() ?? "",
    async close() {
      isClosed = true;
      wake();
      await Promise.all(instances.map((instance) => instance.close()));
      await Promise.all(background);
    },
  };
}

/** Whether it answers anything at all in time. */
async function answersWithin(life: Life, ms: number, { clock }: WarmDeps): Promise<boolean> {
  const limit = limitJob(ms, new AbortController().signal, clock);
  try {
    const ask = { method: "GET", headers: {}, body: null } as const;
    const answer = await requestLocal(life.address, ask, limit.signal);
    await answer.body.cancel();
    return true;
  } catch {
    return false; // Whatever it was: it is not an answer.
  } finally {
    limit.lift();
  }
}

function programOf(
  { argv, env, instances, folder = currentFolder() }: ServiceOptions,
  deps: WarmDeps,
) {
  if (instances < 1 || instances > warmInstanceCountMax) {
    const sentence = `A service cannot have ${instances} instances. Ask for 1 to ${warmInstanceCountMax}.`;
    throw new GridError("malformed", sentence);
  }
  const [name = "", ...words] = argv;
  if (name === "") throw new GridError("malformed", "No program is named. Say after -- which one.");
  const found = findProgram(name, folder, deps.environment["PATH"] ?? "");
  if (found.kind === "missing") {
    const sentence = `The program "${name}" ${found.problem}. Name one that this user can execute.`;
    throw new GridError("malformed", sentence);
  }
  const script = words.map((word) => fileNamed(folder, word)).find((path) => path !== null);
  return {
    command: [found.path, ...words],
    folder,
    env: { ...env, TASK_PATH: script ?? found.path },
  };
}
