// What this machine is and how busy it is, as its system tells. Questions alone; what is made of the answers is
// decided elsewhere. On Linux from /proc, elsewhere from the runtime.

import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, freemem, loadavg, release, totalmem } from "node:os";

export type MachineFacts = {
  readonly cpuModel: string;
  /** 0 when unknown. */
  readonly cpuMegahertz: number;
  /** Null when unknown. Two threads of one core are one. */
  readonly coreCount: number | null;
  readonly threadCount: number;
  /** Threads that this process may run on. */
  readonly usableCount: number;
  readonly memoryBytes: number;
  readonly arch: string;
  readonly os: string;
};

export function machineFacts(): MachineFacts {
  const threads = cpus();
  const table = process.platform === "linux" ? textOf("/proc/cpuinfo") : null;
  const clockRates = [...(table ?? "").matchAll(/^cpu MHz\s*: ([\d.]+)$/gm)].map(([, mhz]) =>
    Number(mhz),
  );
  return {
    cpuModel: threads[0]?.model.trim() || "unknown processor",
    cpuMegahertz: Math.round(threads[0]?.speed || Math.max(0, ...clockRates)),
    coreCount: table === null ? null : coresIn(table),
    threadCount: threads.length,
    usableCount: availableParallelism(),
    memoryBytes: totalmem(),
    arch: arch(),
    os: `${process.platform} ${release()}`,
  };
}

/** Running processes of the last minute, on average. */
export function loadOfMinute(): number {
  return loadavg()[0] ?? 0;
}

/** Time since the start, in units of the system's own. */
export type CpuTimes = { readonly busy: number; readonly total: number };

/** One for each thread of the processor. */
export function cpuTimes(): readonly CpuTimes[] {
  const table = process.platform === "linux" ? textOf("/proc/stat") : null;
  if (table !== null)
    return [...table.matchAll(/^cpu\d+ (.+)$/gm)].map(([, row = ""]) => timesOf(row));
  return cpus().map(({ times }) => {
    const busy = times.user + times.nice + times.sys + times.irq;
    return { busy, total: busy + times.idle };
  });
}

export function memoryUsedBytes(): number {
  const table = process.platform === "linux" ? textOf("/proc/meminfo") : null;
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(table ?? "")?.[1];
  return totalmem() - (available === undefined ? freemem() : Number(available) * 1024);
}

/** user nice system idle iowait irq softirq steal; what follows is counted in the first two already. */
function timesOf(row: string): CpuTimes {
  const fields = row.trim().split(/\s+/).slice(0, 8).map(Number);
  const total = fields.reduce((sum, field) => sum + field, 0);
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total };
}

/** Many processors, most of them not Intel's, name no cores. */
function coresIn(table: string): number | null {
  const cores = table.split("\n\n").flatMap((block) => {
    const core = /^core id\s*: (\d+)$/m.exec(block)?.[1];
    return core === undefined ? [] : [`${/^physical id\s*: (\d+)$/m.exec(block)?.[1]}/${core}`];
  });
  return cores.length === 0 ? null : new Set(cores).size;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null; // A container may hide it.
  }
}
