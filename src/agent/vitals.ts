// How busy this machine is, told with a worker's sign of life. Cheap, and never an error: what cannot be measured
// is left out.

import { vitalsCpuCountMax } from "../domain/limits-worker.ts";
import { cgroupMemoryUsed } from "../platform/cgroup.ts";
import {
  cpuTimes,
  loadOfMinute,
  memoryUsedBytes,
  type CpuTimes,
} from "../platform/machine-facts.ts";
import type { WorkerVitals } from "../protocol/worker-messages.ts";
import type { Machine } from "./machine.ts";

export type Readings = {
  cpuTimes(): readonly CpuTimes[];
  load(): number;
  memoryUsedBytes(): number;
};

/** The readings of this machine, within what a container leaves of it. */
export function readingsOf({ memoryBytes, facts }: Machine): Readings {
  const isCut = memoryBytes < facts.memoryBytes;
  return {
    cpuTimes,
    load: loadOfMinute,
    memoryUsedBytes: () => (isCut ? cgroupMemoryUsed(memoryBytes) : null) ?? memoryUsedBytes(),
  };
}

/** Each call tells of the time since the last one; the first since this was made. */
export function createVitals(readings: Readings, memoryBytes: number): () => WorkerVitals {
  let last = tried(readings.cpuTimes) ?? [];
  return () => {
    const times = tried(readings.cpuTimes) ?? [];
    const cpu = times.slice(0, vitalsCpuCountMax).map((now, index) => busyPart(last[index], now));
    last = times;
    const load = tried(readings.load);
    const used = tried(readings.memoryUsedBytes);
    return {
      memory_bytes: memoryBytes,
      ...(load === null ? {} : { load: Math.max(0, load) }),
      ...(cpu.length === 0 ? {} : { cpu }),
      ...(used === null ? {} : { memory_used_bytes: Math.max(0, Math.round(used)) }),
    };
  };
}

/** From 0 to 1, with three digits. A processor that was switched off and on counts from anew. */
function busyPart(before: CpuTimes | undefined, now: CpuTimes): number {
  const total = now.total - (before?.total ?? 0);
  const busy = now.busy - (before?.busy ?? 0);
  if (!(total > 0)) return 0;
  return Math.round(Math.min(1, Math.max(0, busy / total)) * 1000) / 1000;
}

/** Null for what cannot be read, or is no number. */
function tried<Value>(read: () => Value): Value | null {
  try {
    const value = read();
    return typeof value === "number" && !Number.isFinite(value) ? null : value;
  } catch {
    return null;
  }
}
