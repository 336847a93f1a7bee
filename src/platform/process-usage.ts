// What a process of this machine has used of it, as the system counts: a question that costs two small reads.

import { readFileSync } from "node:fs";
import { errorCodeOf } from "./durable-files.ts";

export type ProcessUsage = {
  /** Of the process, and of those of its children that have ended. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
};

/** The clock ticks of Linux, as programs see them: the same on every machine. */
const ticksPerSecond = 100;

/** What a process uses; null when it has ended, and on systems other than Linux. */
export function usageOf(pid: number): ProcessUsage | null {
  if (process.platform !== "linux") return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    // The name of the program stands in brackets and may hold anything; the numbers begin behind it.
    const numbers = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = numbers.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? "0";
    return { cpuSeconds: ticks / ticksPerSecond, memoryBytes: Number(kilobytes) * 1024 };
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT" || errorCodeOf(error) === "ESRCH") return null;
    throw error;
  }
}
