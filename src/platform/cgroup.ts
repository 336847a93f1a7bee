// What a container or a service manager leaves to this process of the machine (Linux, both kinds of control groups).
// The tightest limit on the way up counts. Null where nothing is limited, or nothing is known.

import { readFileSync } from "node:fs";

export type CgroupLimits = {
  /** May be a fraction. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
};

const root = "/sys/fs/cgroup";

/** The text of a file, or null. */
type Read = (path: string) => string | null;

/** Never throws. */
export function cgroupLimits(read: Read = textIn): CgroupLimits {
  return {
    cpus: least(foldersOf("cpu", read).map((folder) => cpusIn(folder, read))),
    memoryBytes: least(foldersOf("memory", read).map((folder) => memoryIn(folder, read))),
  };
}

/** What the group that sets the memory limit uses, without what the system would give back at once. */
export function cgroupMemoryUsed(limitBytes: number, read: Read = textIn): number | null {
  const folder = foldersOf("memory", read).find((path) => memoryIn(path, read) === limitBytes);
  if (folder === undefined) return null;
  const used =
    numberIn(`${folder}/memory.current`, read) ?? numberIn(`${folder}/memory.usage_in_bytes`, read);
  const stat = read(`${folder}/memory.stat`) ?? "";
  // The first kind of groups tells of itself and, as a total, of itself with those below it.
  const cached = /^total_inactive_file (\d+)$/m.exec(stat) ?? /^inactive_file (\d+)$/m.exec(stat);
  return used === null ? null : Math.max(0, used - Number(cached?.[1] ?? 0));
}

/** The group of this process and those above it. Within a container only the last of them may be there. */
function foldersOf(controller: "cpu" | "memory", read: Read): readonly string[] {
  const lines = (read("/proc/self/cgroup") ?? "").trim().split("\n");
  const own = lines.map((line) => line.split(":"));
  const first = own.find(([, names = ""]) => names.split(",").includes(controller));
  const unified = own.find(([number, names]) => number === "0" && names === "");
  return [
    ...(first === undefined ? [] : upwards(`${root}/${controller}`, first.slice(2).join(":"))),
    ...(unified === undefined ? [] : upwards(root, unified.slice(2).join(":"))),
  ];
}

function upwards(base: string, path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  return Array.from({ length: parts.length + 1 }, (_, depth) =>
    [base, ...parts.slice(0, parts.length - depth)].join("/"),
  );
}

function cpusIn(folder: string, read: Read): number | null {
  const [quota, period] = (read(`${folder}/cpu.max`) ?? "").trim().split(" ").map(Number);
  if (quota !== undefined && period !== undefined) return ratio(quota, period);
  const first = numberIn(`${folder}/cpu.cfs_quota_us`, read);
  const second = numberIn(`${folder}/cpu.cfs_period_us`, read);
  return first === null || second === null ? null : ratio(first, second);
}

/** "max" is not a number, and -1 means none. */
function ratio(quota: number, period: number): number | null {
  return quota > 0 && period > 0 ? quota / period : null;
}

/** The first kind of groups says "none" with a number beyond every memory. */
const unlimitedBytes = 2 ** 60;

function memoryIn(folder: string, read: Read): number | null {
  const bytes =
    numberIn(`${folder}/memory.max`, read) ?? numberIn(`${folder}/memory.limit_in_bytes`, read);
  return bytes === null || bytes <= 0 || bytes >= unlimitedBytes ? null : bytes;
}

function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function numberIn(path: string, read: Read): number | null {
  const text = read(path)?.trim() ?? "";
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

function textIn(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null; // No such group, controller or system.
  }
}
