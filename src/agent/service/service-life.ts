// One life of a warm service: a process from its start until it has ended, with the jobs that are in its hands.

import { warmLookMs, warmStopMs } from "../../domain/limits-worker.ts";
import { listenerOn } from "../../platform/local-service.ts";
import type { LocalAddress } from "../../platform/local-service.ts";
import { guardMemory, tooMuchInWords } from "../warm/memory-guard.ts";
import type { Report } from "../runner.ts";
import { endInWords, startProcess } from "../warm/warm-process.ts";
import type { ProcessEnd, WarmDeps, WarmProcess } from "../warm/warm-process.ts";

/** A job in the hands of a service. */
export type Flight = { readonly job: string; readonly report: Report };

/** A process of the service that takes connections. */
export type Life = {
  readonly address: LocalAddress;
  readonly flights: Set<Flight>;
  /** True while it is not known whether it still answers: it gets no further jobs. */
  isDoubted: boolean;
  readonly ended: Promise<LifeEnd>;
  hasEnded(): boolean;
  /** Ends it on purpose: it is started again at once. */
  end(killAfterMs: number): Promise<void>;
};

/** `asked`: on purpose, which is held against nobody. `flights`: what was in its hands. */
export type LifeEnd = ProcessEnd & {
  readonly kind: "crashed" | "asked";
  readonly info: string;
  readonly lastWords: string;
  readonly flights: readonly Flight[];
};

/** `late`: it took no connection in time. `unable`: it cannot be started at all. */
export type FailedStart = ProcessEnd & {
  readonly kind: "crashed" | "late" | "unable";
  readonly info: string;
  readonly lastWords: string;
};

export type LifeOptions = {
  /** How sentences call it. */
  readonly called: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly env: { readonly [name: string]: string };
  readonly port: number;
  readonly startMsMax: number;
  readonly memoryBytesMax: number | null;
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly onStarted: (pid: number) => void;
};

/** Resolves once it takes connections, or did not come to that. `closing` ends the wait and the process. */
export async function startLife(
  options: LifeOptions,
  deps: WarmDeps,
  closing: AbortSignal,
): Promise<Life | FailedStart> {
  const { called, port, startMsMax, onOutput } = options;
  const flights = new Set<Flight>();
  const started = startProcess(
    {
      ...options,
      input: null,
      onOutput(stream, bytes) {
        onOutput(bytes);
        const [only] = flights;
        // With several in its hands nobody knows whose words these are.
        if (only !== undefined && flights.size === 1) only.report.log(stream, bytes);
      },
    },
    deps,
  );
  if (typeof started === "string") {
    const info = `${called} cannot be started: "${options.command[0]}" (${started}).`;
    return { kind: "unable", info, lastWords: "", exitCode: null, signal: null };
  }
  options.onStarted(started.pid);
  const address = await untilItListens(started, options, deps, closing);
  if (address !== null) return liveWith(started, address, flights, options, deps);
  const isLate = !started.hasEnded();
  const end = await started.end(warmStopMs);
  const what = isLate
    ? `took no connection on port ${port} within ${startMsMax / 1000} s of its start. It is to listen where TASK_PORT says`
    : `${endInWords(end)} before it took a connection`;
  const lastWords = started.lastWords();
  return { ...end, kind: isLate ? "late" : "crashed", info: `${called} ${what}.`, lastWords };
}

async function untilItListens(
  started: WarmProcess,
  { port, startMsMax }: LifeOptions,
  { clock }: WarmDeps,
  closing: AbortSignal,
): Promise<LocalAddress | null> {
  const giveUpAt = clock.monotonicMs() + startMsMax;
  while (!started.hasEnded() && !closing.aborted && clock.monotonicMs() < giveUpAt) {
    const address = await listenerOn(port);
    if (address !== null && !started.hasEnded()) return address;
    await Promise.race([clock.sleep(warmLookMs, closing), started.ended]);
  }
  return null;
}

function liveWith(
  started: WarmProcess,
  address: LocalAddress,
  flights: Set<Flight>,
  { called, memoryBytesMax }: LifeOptions,
  { clock }: WarmDeps,
): Life {
  let isAsked = false;
  let excess: string | null = null;
  const guard = guardMemory(started.pid, memoryBytesMax, clock, (memoryBytes) => {
    excess = tooMuchInWords(memoryBytes, memoryBytesMax);
    void started.end(warmStopMs); // Whoever holds the life waits for `ended`.
  });
  const ended = started.ended.then((end): LifeEnd => {
    guard.stop();
    const info = `${called} ${excess ?? endInWords(end)}.`;
    const told = { info, lastWords: started.lastWords(), flights: [...flights] };
    return { ...end, kind: isAsked ? "asked" : "crashed", ...told };
  });
  return {
    address,
    flights,
    isDoubted: false,
    ended,
    hasEnded: started.hasEnded,
    async end(killAfterMs) {
      isAsked = true;
      await started.end(killAfterMs);
      await ended;
    },
  };
}
