// One copy of a warm service, kept alive: started again whenever it ends, ever later while it does not last, at the
// same port unless somebody else took it. Which job it gets is decided by the runner.

import { crashesInRowMax, warmOutputBytesMax, warmStopMs } from "../../domain/limits-worker.ts";
import { freePorts, isPortFree } from "../../platform/local-service.ts";
import { usageOf } from "../../platform/process-usage.ts";
import { createRestartPace } from "../warm/restart-pace.ts";
import { startLife } from "./service-life.ts";
import type { Life, LifeOptions } from "./service-life.ts";
import { createTail } from "../warm/tail.ts";
import { wordsInWords } from "../warm/warm-process.ts";
import type { ProcessEnd, WarmDeps } from "../warm/warm-process.ts";
import type { InstanceFacts } from "../warm/warm-runner.ts";

/** Why waiting for an instance does not help. */
export type Trouble = ProcessEnd & { readonly info: string };

export type ServiceInstance = {
  /** The life that takes jobs; null while none does. */
  life(): Life | null;
  trouble(): Trouble | null;
  countDone(): void;
  facts(): InstanceFacts;
  output(): string;
  close(): Promise<void>;
};

export type InstanceOptions = Omit<LifeOptions, "port" | "onOutput" | "onStarted"> & {
  /** Counted from 1. */
  readonly number: number;
  readonly name: string;
  readonly firstPort: Promise<number>;
};

/** Starts it. `onChange` is called when it takes jobs, and when it does so no longer. */
export function createServiceInstance(
  options: InstanceOptions,
  deps: WarmDeps,
  onChange: () => void,
): ServiceInstance {
  const { number, name } = options;
  const { clock, log } = deps;
  const closing = new AbortController();
  const pace = createRestartPace();
  const tail = createTail(warmOutputBytesMax);
  let port: number | null = null;
  let isPortDoubted = false;
  let state: InstanceFacts["state"] = "starting";
  let pid: number | null = null;
  let life: Life | null = null;
  let trouble: Trouble | null = null;
  let startCount = 0;
  let jobCount = 0;

  async function keepAlive(): Promise<void> {
    while (!closing.signal.aborted) {
      const startedAt = clock.monotonicMs();
      const end = await liveOnce();
      pid = null;
      life = null;
      state = "resting";
      if (closing.signal.aborted) break;
      const isAsked = end.kind === "asked";
      const restMs = isAsked ? 0 : pace.ended(clock.monotonicMs() - startedAt);
      const { exitCode, signal } = end;
      log.warn("service.ended", { service: name, instance: number, exitCode, signal, restMs });
      const count = pace.endsInRow();
      const isLasting = end.kind === "late" || end.kind === "unable";
      const isRepeated = !isAsked && !isLasting && count >= crashesInRowMax;
      const often = isRepeated ? ` It ended ${count} times in a row.` : "";
      const info = `${end.info}${often}${wordsInWords(end.lastWords)}`;
      if (isLasting || isRepeated) trouble = { info, exitCode, signal };
      onChange();
      await clock.sleep(restMs, closing.signal);
    }
  }

  async function liveOnce() {
    state = "starting";
    startCount += 1;
    const former = port ?? (await options.firstPort);
    const mayStay = !isPortDoubted && (await isPortFree(former));
    const [other = former] = mayStay ? [] : await freePorts(1);
    port = other;
    const numbers = { TASK_PORT: String(port), TASK_INSTANCE: String(number) };
    const started = await startLife(
      {
        ...options,
        env: { ...options.env, ...numbers },
        port: other,
        onOutput: (bytes) => tail.add(bytes),
        onStarted: (newPid) => (pid = newPid),
      },
      deps,
      closing.signal,
    );
    // Some programs cannot listen again where connections of their former life still linger, or somebody took it.
    isPortDoubted = !("flights" in started);
    if (!("flights" in started)) return started;
    life = started;
    if (closing.signal.aborted) await life.end(warmStopMs);
    trouble = null;
    onChange();
    return started.ended;
  }

  const kept = keepAlive();
  return {
    life: () => (life === null || life.hasEnded() || life.isDoubted ? null : life),
    trouble: () => trouble,
    countDone: () => void (jobCount += 1),
    output: () => tail.text(),
    facts() {
      const usage = pid === null ? null : usageOf(pid);
      return {
        instance: number,
        name,
        pid,
        port,
        state: life === null ? state : life.flights.size > 0 ? "busy" : "idle",
        restarts: Math.max(startCount - 1, 0),
        jobsDone: jobCount,
        cpuSeconds: usage?.cpuSeconds ?? null,
        memoryBytes: usage?.memoryBytes ?? null,
      };
    },
    async close() {
      closing.abort();
      await life?.end(warmStopMs);
      await kept;
      state = "stopped";
    },
  };
}
