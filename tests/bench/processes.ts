// What Linux tells of a process: the CPU time that it has used, as a whole and by its first thread, and its memory.
import { readFileSync } from "node:fs";

/** CPU time since the process began, in microseconds. */
export type Cpu = {
  readonly userUs: number;
  readonly systemUs: number;
  /** Of the first thread alone, which runs all JavaScript of the server. */
  readonly mainUs: number;
};

/** Linux counts in ticks of 10 ms for programs, on every processor there is. */
const tickUs = 10_000;

export function readCpu(pid: number): Cpu {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const nanoseconds = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0];
  return {
    userUs: Number(fields[11]) * tickUs,
    systemUs: Number(fields[12]) * tickUs,
    mainUs: Number(nanoseconds) / 1_000,
  };
}

/** What was used between two readings, for each of `count` things. */
export function cpuPer(count: number, from: Cpu, to: Cpu) {
  const userUs = (to.userUs - from.userUs) / count;
  const systemUs = (to.systemUs - from.systemUs) / count;
  return { userUs, systemUs, us: userUs + systemUs, mainUs: (to.mainUs - from.mainUs) / count };
}

export type Memory = {
  readonly residentMib: number;
  /** Without the pages of the executable file, which the kernel may drop. */
  readonly anonymousMib: number;
  readonly peakMib: number;
};

export function readMemory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (name: string) =>
    Number(new RegExp(String.raw`^${name}:\s+(\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { residentMib: mib("VmRSS"), anonymousMib: mib("RssAnon"), peakMib: mib("VmHWM") };
}
