import { expect, test } from "bun:test";
import { cgroupLimits, cgroupMemoryUsed } from "../../../src/platform/cgroup.ts";

/** A system of these files. */
const of = (files: { readonly [path: string]: string }) => (path: string) => files[path] ?? null;
const GiB = 1024 ** 3;

test("cgroupLimits() takes the tightest limit on the way up", () => {
  const read = of({
    "/proc/self/cgroup": "0::/user.slice/worker.service\n",
    "/sys/fs/cgroup/user.slice/worker.service/cpu.max": "400000 100000\n",
    "/sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
    "/sys/fs/cgroup/user.slice/worker.service/memory.max": "max\n",
    "/sys/fs/cgroup/user.slice/memory.max": `${2 * GiB}\n`,
    "/sys/fs/cgroup/user.slice/memory.current": `${GiB}\n`,
    "/sys/fs/cgroup/user.slice/memory.stat": "anon 5\ninactive_file 1000\n",
  });
  expect(cgroupLimits(read)).toEqual({ cpus: 1.5, memoryBytes: 2 * GiB });
  expect(cgroupMemoryUsed(2 * GiB, read)).toBe(GiB - 1000);
});

test("cgroupLimits() reads the first kind of groups too, within a container", () => {
  const read = of({
    "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GiB}\n`,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n",
    "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 1000\n",
  });
  expect(cgroupLimits(read)).toEqual({ cpus: 0.5, memoryBytes: GiB });
  expect(cgroupMemoryUsed(GiB, read)).toBe(4000);
});

test("cgroupLimits() knows no limit where none is set, and on other systems", () => {
  const none = { cpus: null, memoryBytes: null };
  expect(cgroupLimits(of({}))).toEqual(none);
  const read = of({
    "/proc/self/cgroup": "5:memory:/\n4:cpu:/\n0::/\n",
    "/sys/fs/cgroup/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  });
  expect(cgroupLimits(read)).toEqual(none);
  expect(cgroupMemoryUsed(GiB, read)).toBeNull();
});
