// What this machine offers to a grid, told once when the worker greets the server, and in a line for whoever started
// it. What a container leaves of the machine counts, not what the machine has.

import { graphicsMsMax } from "../domain/limits-worker.ts";
import { cgroupLimits, type CgroupLimits } from "../platform/cgroup.ts";
import { countGraphicsCards } from "../platform/graphics-cards.ts";
import { loadOfMinute, machineFacts, type MachineFacts } from "../platform/machine-facts.ts";
import { machineName } from "../platform/program.ts";
import type { WorkerResources } from "../protocol/worker-messages.ts";

export type Machine = {
  readonly name: string;
  readonly facts: MachineFacts;
  /** Processors to compute with: may be a fraction, never 0. */
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly gpus: number;
};

/** Asks the system; takes long only where a graphics driver does, and then `graphicsMsMax`. */
export async function lookAtMachine(): Promise<Machine> {
  const gpus = await countGraphicsCards(graphicsMsMax);
  return toMachine(machineName(), machineFacts(), cgroupLimits(), gpus);
}

export function toMachine(
  name: string,
  facts: MachineFacts,
  limits: CgroupLimits,
  gpus: number,
): Machine {
  return {
    name,
    facts,
    cpus: Math.min(facts.usableCount, limits.cpus ?? Infinity),
    memoryBytes: Math.min(facts.memoryBytes, limits.memoryBytes ?? Infinity),
    gpus,
  };
}

export function toResources(
  { cpus, memoryBytes, gpus }: Machine,
  tags: readonly string[],
): WorkerResources {
  return { cpus, memory_bytes: memoryBytes, gpus, tags: [...tags] };
}

/** Jobs at one time, when nobody said how many: one for each processor. */
export function slotsOf({ cpus }: Machine): number {
  return Math.max(1, Math.floor(cpus));
}

/** `AMD EPYC, 2.6 GHz, 2 cores, 4 threads; 7.6 GiB memory; load 0.3` */
export function machineLine(machine: Machine): string {
  const { facts, cpus, memoryBytes, gpus } = machine;
  const { cpuModel, cpuMegahertz, coreCount, threadCount } = facts;
  const processor = [
    cpuModel,
    ...(cpuMegahertz > 0 ? [`${(cpuMegahertz / 1000).toFixed(1)} GHz`] : []),
    ...(coreCount === null ? [] : [counted(coreCount, "core")]),
    counted(threadCount, "thread"),
    ...(cpus < threadCount ? [`${Number(cpus.toFixed(2))} of them usable`] : []),
  ];
  const isCut = memoryBytes < facts.memoryBytes;
  const memory = `${gibibytes(memoryBytes)}${isCut ? ` of ${gibibytes(facts.memoryBytes)}` : ""} memory`;
  const cards = gpus === 0 ? [] : [counted(gpus, "GPU")];
  const load = `load ${loadOfMinute().toFixed(2)}`;
  return [processor.join(", "), memory, ...cards, load].join("; ");
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
