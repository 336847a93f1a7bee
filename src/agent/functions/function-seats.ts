// The processes of all functions of a folder: a bounded number for each file, started when they are first needed and
// kept, replaced when they ended or their files changed. Each runs one job at a time.

import { functionHostCountMax } from "../../domain/limits.ts";
import { warmOutputBytesMax, warmStopMs } from "../../domain/limits-worker.ts";
import { usageOf } from "../../platform/process-usage.ts";
import { startFunctionProcess } from "./function-process.ts";
import type { FunctionProcess } from "./function-process.ts";
import type { JobLimit } from "../warm/job-limit.ts";
import { createTail } from "../warm/tail.ts";
import type { Tail } from "../warm/tail.ts";
import type { WarmDeps } from "../warm/warm-process.ts";
import type { InstanceFacts } from "../warm/warm-runner.ts";

/** A place for one process of one file. */
type Seat = {
  readonly number: number;
  readonly file: string;
  readonly name: string;
  readonly index: number;
  readonly tail: Tail;
  host: FunctionProcess | null;
  isTaken: boolean;
  /** When its last job was over, on the clock of durations. */
  leftMs: number;
  startCount: number;
  doneCount: number;
};

export type TakenSeat = {
  readonly host: FunctionProcess;
  countDone(): void;
  leave(): void;
};

export type FunctionSeats = {
  /** A process for the file, once one is free; a sentence says why there is none. Null: `limit` was reached first. */
  take(file: string, name: string, limit: JobLimit): Promise<TakenSeat | string | null>;
  facts(): readonly InstanceFacts[];
  output(instance: number): string;
  close(): Promise<void>;
};

export type SeatOptions = {
  readonly folder: string;
  /** For each file. */
  readonly instances: number;
  readonly env: { readonly [name: string]: string };
  readonly memoryBytesMax: number | null;
};

export function createFunctionSeats(options: SeatOptions, deps: WarmDeps): FunctionSeats {
  const { folder, instances, memoryBytesMax } = options;
  const seats: Seat[] = [];
  const underWay = new Set<Promise<unknown>>();
  let change = Promise.withResolvers<void>();
  let isClosed = false;

  const wake = () => {
    change.resolve();
    change = Promise.withResolvers<void>();
  };

  /** A free seat of the file, rather one with a process; null when all that it may have are taken. */
  function sit(file: string, name: string): Seat | null {
    const own = seats.filter((seat) => seat.file === file);
    const free = own.filter((seat) => !seat.isTaken);
    const found = free.find((seat) => seat.host?.hasEnded() === false) ?? free[0];
    if (found !== undefined) return found;
    if (own.length >= instances) return null;
    const number = seats.length + 1;
    const empty = { host: null, isTaken: false, leftMs: 0, startCount: 0, doneCount: 0 };
    const tail = createTail(warmOutputBytesMax);
    const seat: Seat = { number, file, name, index: own.length + 1, tail, ...empty };
    seats.push(seat);
    return seat;
  }

  async function processFor(seat: Seat): Promise<FunctionProcess | string> {
    const former = seat.host;
    if (former !== null && !former.hasEnded() && former.isCurrent()) return former;
    seat.host = null;
    if (former !== null) end(former);
    makeRoom();
    seat.startCount += 1;
    const env = { ...options.env, TASK_PATH: seat.file, TASK_INSTANCE: String(seat.index) };
    const onOutput = (bytes: Uint8Array) => seat.tail.add(bytes);
    const program = { file: seat.file, folder, env, memoryBytesMax, onOutput };
    const started = await startFunctionProcess(program, deps);
    if (typeof started === "string") return started;
    seat.host = started;
    return started;
  }

  /** Processes of functions that nobody asked for lately make room for others. */
  function makeRoom(): void {
    const alive = seats.filter((seat) => seat.host !== null);
    if (alive.length < functionHostCountMax) return;
    const idle = alive.filter((seat) => !seat.isTaken).toSorted((a, b) => a.leftMs - b.leftMs)[0];
    if (idle === undefined) return;
    if (idle.host !== null) end(idle.host);
    idle.host = null;
  }

  function end(host: FunctionProcess): void {
    keep(host.end(warmStopMs));
  }

  /** Nothing that was begun is left behind by `close`. */
  function keep(work: Promise<unknown>): void {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  }

  async function take(
    file: string,
    name: string,
    limit: JobLimit,
  ): Promise<TakenSeat | string | null> {
    while (!isClosed && limit.fired() === null) {
      const seat = sit(file, name);
      if (seat === null) {
        await Promise.race([change.promise, limit.reached]);
        continue;
      }
      seat.isTaken = true;
      const leave = () => {
        seat.isTaken = false;
        seat.leftMs = deps.clock.monotonicMs();
        wake();
      };
      const starting = processFor(seat);
      keep(starting);
      const host = await starting;
      if (typeof host !== "string" && !isClosed) {
        return { host, leave, countDone: () => void (seat.doneCount += 1) };
      }
      leave();
      return typeof host === "string" ? host : null;
    }
    return null;
  }

  return {
    take,
    facts: () => seats.map(factsOf),
    output: (instance) => seats[instance - 1]?.tail.text() ?? "",
    async close() {
      isClosed = true;
      wake();
      await Promise.all(underWay); // A process that is about to start must be there to be ended.
      for (const { host } of seats) if (host !== null) end(host);
      await Promise.all(underWay);
    },
  };
}

function factsOf({ number, name, host, isTaken, startCount, doneCount }: Seat): InstanceFacts {
  const isAlive = host !== null && !host.hasEnded();
  const usage = isAlive ? usageOf(host.pid) : null;
  const starting = isTaken ? "starting" : "resting";
  return {
    instance: number,
    name,
    pid: isAlive ? host.pid : null,
    port: null,
    state: isAlive ? (isTaken ? "busy" : "idle") : starting,
    restarts: Math.max(startCount - 1, 0),
    jobsDone: doneCount,
    cpuSeconds: usage?.cpuSeconds ?? null,
    memoryBytes: usage?.memoryBytes ?? null,
  };
}
