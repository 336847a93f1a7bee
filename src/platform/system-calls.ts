// The few system calls of Linux that the runtime does not offer, by way of the C library. Apart because nothing else
// may reach below the runtime. Null where there is none that we know: callers then do with less, and say so.

import { dlopen, FFIType, ptr } from "bun:ffi";

export type SystemCalls = {
  /** From now on orphans among our descendants become our children, so that none can hide. */
  adoptOrphans(): boolean;
  /** Programs started from now on gain no rights by setuid files. */
  forbidNewPrivileges(): boolean;
  /** Keeps processes of the same user out of our memory and our environment, and makes no core files. */
  hideThisProcess(): boolean;
  /** Takes note of the end of a child of ours, which must be dead; true when it was there. */
  bury(pid: number): boolean;
  /** What is started by `call` may open so many files unless it asks for more. */
  withOpenFiles<Result>(count: number, call: () => Result): Result;
  /** A pipe of the system: unlike a socket, a program may open it again as /dev/stdout. */
  openPipe(): Pipe | null;
};

/** Numbers of open files. */
export type Pipe = { readonly readEnd: number; readonly writeEnd: number };

// From <linux/prctl.h>, <sys/resource.h>, <fcntl.h> and <sys/wait.h>; the same on x64 and arm64.
const setDumpable = 4;
const setChildSubreaper = 36;
const setNoNewPrivileges = 38;
const limitCore = 4;
const limitFiles = 7;
const closeOnExec = 0o2000000;
const doNotWait = 1;

const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

let opened: SystemCalls | null | undefined;

/** The same for every caller; opened when first asked for, in a quarter of a millisecond. */
export function systemCalls(): SystemCalls | null {
  opened ??= process.platform === "linux" ? openAny() : null;
  return opened;
}

function openAny(): SystemCalls | null {
  for (const library of libraries) {
    try {
      return around(open(library));
    } catch {
      // Another C library, or a system that forbids the runtime to make code: the next one, or none.
    }
  }
  return null;
}

function open(library: string) {
  const { i32, u32, u64, pointer } = FFIType;
  return dlopen(library, {
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
    waitpid: { args: [i32, pointer, i32], returns: i32 },
    prlimit: { args: [i32, u32, pointer, pointer], returns: i32 },
    pipe2: { args: [pointer, i32], returns: i32 },
  }).symbols;
}

function around({ prctl, waitpid, prlimit, pipe2 }: ReturnType<typeof open>): SystemCalls {
  const ends = new Int32Array(2);
  const fileLimit = new BigUint64Array(2); // The soft limit, then the hard one.
  const isFileLimitKnown = prlimit(0, limitFiles, null, ptr(fileLimit)) === 0;
  return {
    adoptOrphans: () => prctl(setChildSubreaper, 1, 0, 0, 0) === 0,
    forbidNewPrivileges: () => prctl(setNoNewPrivileges, 1, 0, 0, 0) === 0,
    hideThisProcess() {
      const none = new BigUint64Array(2);
      return prlimit(0, limitCore, ptr(none), null) === 0 && prctl(setDumpable, 0, 0, 0, 0) === 0;
    },
    bury: (pid) => waitpid(pid, null, doNotWait) === pid,
    withOpenFiles(count, call) {
      const [soft, hard] = fileLimit;
      if (!isFileLimitKnown || soft === undefined || hard === undefined) return call();
      const set = (limit: bigint) =>
        prlimit(0, limitFiles, ptr(new BigUint64Array([limit, hard])), null);
      // The limit is inherited, so it is ours for a moment: to set it afterwards would come too late at times.
      set(soft < BigInt(count) ? soft : BigInt(count));
      try {
        return call();
      } finally {
        set(soft);
      }
    },
    openPipe() {
      if (pipe2(ptr(ends), closeOnExec) !== 0) return null;
      const [readEnd, writeEnd] = ends;
      return readEnd === undefined || writeEnd === undefined ? null : { readEnd, writeEnd };
    },
  };
}
