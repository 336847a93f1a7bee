// Ends of attempts on disk, from the moment they are known until the server's receipt: a killed agent finds them
// when it starts again. Bytes are synced before the sidecar that names them, and go after it. What has its receipt
// before its turn to be written is never written.

import { join } from "node:path";
import {
  spoolBytesMax,
  spoolReadCountMax,
  spoolWriteCountMax,
} from "../../domain/limits-worker.ts";
import {
  errorCodeOf,
  makePrivateDirectory,
  namesIn,
  readTextOrNull,
  removeIfThere,
  replaceFile,
} from "../../platform/durable-files.ts";
import { sizeOrNull } from "../../platform/file-system.ts";
import type { Log } from "../../platform/log.ts";
import { moveFile, syncFile } from "../../platform/moved-files.ts";
import type { HeldAttempt } from "../../protocol/worker-messages.ts";
import { nameOf } from "../conversation/attempts.ts";
import type { AttemptName } from "../conversation/conversation-words.ts";
import { toHeldAttempt, type Ended } from "./outcome.ts";
import { parseSidecar, toSidecar } from "./sidecar.ts";
import { createTurnstile } from "../transfer/turnstile.ts";

export type SpoolDeps = {
  readonly log: Log;
  readonly sha256Hex: (bytes: Uint8Array) => string;
  /** True: no later start will look for anything, so that only what memory does not hold is written. */
  readonly isTemporary?: boolean;
};

export type Spool = {
  /** What a former run left. */
  readonly restored: readonly HeldAttempt[];
  /** Where the bytes of a large result lie. */
  pathOf(name: AttemptName): string;
  /** Takes a file over as the bytes of a large result, before it is kept. */
  adopt(name: AttemptName, file: string): Promise<void>;
  /** Resolves when it is on the disk, or was forgotten before. Rejects when the disk fails; it is known all the same. */
  keep(ended: Ended): Promise<void>;
  /** Null when it is not there, or damaged and left aside. */
  get(name: AttemptName): Promise<Ended | null>;
  forget(name: AttemptName): Promise<void>;
  isFull(): boolean;
  count(): number;
  /** Nothing is written or removed any more. */
  settle(): Promise<void>;
};

type Entry = {
  readonly sizeBytes: number;
  /** Null once it need not be in memory. */
  ended: Ended | null;
  isForgotten: boolean;
  /** Whether something of it may lie on the disk. */
  hasFiles: boolean;
  /** Of the last thing that is done to its files. */
  work: Promise<void>;
};

/** Small results kept in memory beside their file; with more they are read back. */
const memoryBytesMax = 16 * 1024 * 1024;

export async function openSpool(folder: string, deps: SpoolDeps): Promise<Spool> {
  const { log, sha256Hex, isTemporary = false } = deps;
  await makePrivateDirectory(folder);
  const entries = new Map<string, Entry>();
  const underWay = new Set<Promise<void>>();
  const writes = createTurnstile(spoolWriteCountMax);
  const reads = createTurnstile(spoolReadCountMax);
  let sizeBytes = 0;
  let memoryBytes = 0;

  const sidecarOf = (key: string) => join(folder, `${key}.json`);
  const bytesOf = (key: string) => join(folder, `${key}.bytes`);
  const add = (ended: Ended, inMemory: boolean): Entry => {
    const entry: Entry = {
      sizeBytes: sizeOf(ended),
      ended: inMemory ? ended : null,
      isForgotten: false,
      hasFiles: !inMemory || isLarge(ended),
      work: Promise.resolve(),
    };
    entries.set(nameOf(ended), entry);
    sizeBytes += entry.sizeBytes;
    if (inMemory) memoryBytes += entry.sizeBytes;
    return entry;
  };
  const fromMemory = (entry: Entry) => {
    if (entry.ended !== null) memoryBytes -= entry.sizeBytes;
    entry.ended = null;
  };
  const follow = (work: Promise<void>) => {
    const ended = () => void underWay.delete(work);
    underWay.add(work);
    work.then(ended, ended);
    return work;
  };
  const drop = (key: string, entry: Entry) => {
    entry.isForgotten = true;
    fromMemory(entry);
    sizeBytes -= entry.sizeBytes;
    entries.delete(key);
  };
  const write = async (key: string, entry: Entry, ended: Ended) => {
    if (entry.isForgotten) return;
    if (isTemporary && memoryBytes <= memoryBytesMax) return;
    entry.hasFiles = true;
    if (isLarge(ended)) await syncFile(bytesOf(key));
    await replaceFile(sidecarOf(key), toSidecar(ended));
    if (!isLarge(ended)) await removeIfThere(bytesOf(key));
    if (memoryBytes > memoryBytesMax) fromMemory(entry);
  };
  const remove = async (key: string) => {
    await removeIfThere(sidecarOf(key));
    await removeIfThere(bytesOf(key));
  };
  const setAside = async (key: string, why: string) => {
    log.warn("spool.damaged", { name: key, why });
    for (const path of [sidecarOf(key), bytesOf(key)]) {
      await moveFile(path, `${path}.damaged`).catch((error: unknown) => {
        if (errorCodeOf(error) !== "ENOENT") throw error;
      });
    }
  };
  const load = async (key: string): Promise<Ended | string> => {
    const text = await readTextOrNull(sidecarOf(key));
    const ended = text === null ? null : parseSidecar(text);
    if (ended === null || nameOf(ended) !== key) return "the sidecar cannot be read";
    if (ended.kind === "failed") return ended;
    if (ended.bytes !== null) {
      return sha256Hex(ended.bytes) === ended.sha256 ? ended : "the bytes do not fit their hash";
    }
    // Whether its bytes fit is seen by the server, which need not be done twice.
    const isWhole = (await sizeOrNull(bytesOf(key))) === ended.size;
    return isWhole ? ended : "the bytes are not all there";
  };
  const readBack = async (): Promise<readonly HeldAttempt[]> => {
    const found: HeldAttempt[] = [];
    const names = await namesIn(folder);
    for (const name of names) {
      const key = name.replace(/\.json$/, "");
      if (name.endsWith(".json")) {
        const ended = await load(key);
        if (typeof ended === "string") await setAside(key, ended);
        else {
          add(ended, false);
          found.push(toHeldAttempt(ended));
        }
      }
      // Begun and not named: the agent ended before it could be kept.
      const isStray = name.endsWith(".bytes") && !names.includes(name.replace(/bytes$/, "json"));
      if (isStray || name.endsWith(".tmp")) await removeIfThere(join(folder, name));
    }
    return found;
  };
  const restored = await readBack();

  return {
    restored,
    pathOf: (name) => bytesOf(nameOf(name)),
    adopt: (name, file) => moveFile(file, bytesOf(nameOf(name))),
    keep(ended) {
      const key = nameOf(ended);
      const former = entries.get(key);
      if (former !== undefined) drop(key, former);
      const entry = add(ended, true);
      if (former?.hasFiles === true) entry.hasFiles = true;
      const before = former?.work.catch(() => {}) ?? Promise.resolve();
      entry.work = follow(before.then(() => writes.pass(() => write(key, entry, ended))));
      return entry.work;
    },
    async get(name) {
      const key = nameOf(name);
      const entry = entries.get(key);
      if (entry === undefined) return null;
      if (entry.ended !== null) return entry.ended;
      const ended = await reads.pass(() => load(key));
      if (typeof ended !== "string") return ended;
      if (entries.get(key) !== entry) return null;
      drop(key, entry);
      await setAside(key, ended);
      return null;
    },
    async forget(name) {
      const key = nameOf(name);
      const entry = entries.get(key);
      if (entry === undefined) return;
      drop(key, entry);
      const written = entry.work.catch(() => {}); // Its error was told to who kept it.
      const isDue = () => entry.hasFiles && !entries.has(key);
      await follow(written.then(() => (isDue() ? remove(key) : undefined)));
    },
    isFull: () => sizeBytes >= spoolBytesMax,
    count: () => entries.size,
    async settle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

/** Its bytes lie in a file. */
function isLarge(ended: Ended): boolean {
  return ended.kind === "finished" && ended.bytes === null;
}

function sizeOf(ended: Ended): number {
  return ended.kind === "finished" ? ended.size : ended.logs.length;
}
