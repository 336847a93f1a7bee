// What lies beneath a directory, and who may enter it: questions to the system alone, judged elsewhere.

import { access, constants, lstat, stat, statfs } from "node:fs/promises";
import { errorCodeOf } from "./durable-files.ts";

/** `unknown`: a file system of a user's program, which may keep its files anywhere, or one that we cannot tell. */
export type FileSystem = {
  readonly kind: "local" | "network" | "memory" | "unknown";
  readonly name: string;
};

// The numbers of Linux (statfs(2)). 9p carries Windows drives under WSL and folders shared with a virtual
// machine; both cache on two sides, as network file systems do.
const fileSystemsByMagic: ReadonlyMap<number, FileSystem> = new Map([
  [0x6969, { kind: "network", name: "NFS" }],
  [0x517b, { kind: "network", name: "SMB" }],
  [0xff534d42, { kind: "network", name: "CIFS" }],
  [0xfe534d42, { kind: "network", name: "SMB 2" }],
  [0x01021997, { kind: "network", name: "9p" }],
  [0x786f4256, { kind: "network", name: "VirtualBox shared folder" }],
  [0x00c36400, { kind: "network", name: "Ceph" }],
  [0x5346414f, { kind: "network", name: "AFS" }],
  [0x6b414653, { kind: "network", name: "AFS" }],
  [0x73757245, { kind: "network", name: "Coda" }],
  [0x564c, { kind: "network", name: "NCP" }],
  [0x0bd00bd0, { kind: "network", name: "Lustre" }],
  [0x47504653, { kind: "network", name: "GPFS" }],
  [0xaad7aaea, { kind: "network", name: "PanFS" }],
  [0x01021994, { kind: "memory", name: "tmpfs" }],
  [0x858458f6, { kind: "memory", name: "ramfs" }],
  [0x65735546, { kind: "unknown", name: "FUSE" }],
]);

/** Elsewhere than on Linux the numbers differ from machine to machine: there every file system is taken for local. */
export async function fileSystemOf(path: string): Promise<FileSystem> {
  if (process.platform !== "linux") return { kind: "local", name: "local" };
  return fileSystemByMagic((await statfs(path)).type);
}

export function fileSystemByMagic(magic: number): FileSystem {
  return fileSystemsByMagic.get(magic >>> 0) ?? { kind: "local", name: "local" };
}

/** What is left for this user, and the whole; zeros where the file system does not say. */
export type DiskSpace = { readonly freeBytes: number; readonly sizeBytes: number };

export async function spaceOn(path: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(path);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}

/** The most that users other than the owner may do in a directory. */
export async function othersMay(path: string): Promise<"nothing" | "enter" | "write"> {
  if (process.platform === "win32") return "nothing"; // inherited from the folder above, not told by bits
  const { mode } = await stat(path);
  if ((mode & 0o002) !== 0) return "write";
  return (mode & 0o077) === 0 ? "nothing" : "enter";
}

/** Whether this process may read and change the file or directory; null when there is none. */
export async function mayChange(path: string): Promise<boolean | null> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    return errorCodeOf(error) === "ENOENT" ? null : false;
  }
}

/** What lies at a path, links not followed; null when nothing does. */
export type PathFacts = {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  /** Whether users other than the owner may read, change or enter it. */
  readonly isOpenToOthers: boolean;
};

export async function factsOf(path: string): Promise<PathFacts | null> {
  try {
    const facts = await lstat(path);
    const isOpenToOthers = process.platform !== "win32" && (facts.mode & 0o077) !== 0;
    const kind = facts.isFile() ? "file" : facts.isDirectory() ? "directory" : "other";
    return { kind, size: facts.size, isOpenToOthers };
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** The size of a file in bytes; null when there is none. */
export async function sizeOrNull(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return null;
    throw error;
  }
}
