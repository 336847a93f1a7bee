// A simulated disk around a job store and a blob store that keep everything in memory. Writes are gathered and
// become durable together, after a while; a crash drops what was not committed yet, or commits it without
// telling anybody. The stores themselves outlive every crash: they are the platter.

import type { BlobStore } from "../../src/blobs/blob-store.ts";
import { GridError } from "../../src/domain/errors.ts";
import type { JobSeq } from "../../src/domain/job.ts";
import { commitAgainMs } from "../../src/domain/limits.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { Chance } from "./chance.ts";
import { mountJobs, type JobRoads } from "./disk-jobs.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** What a crash makes of the writes that wait for their commit. */
export type Fate = "drop" | "keep" | "part";

export type Space = "enough" | "no-uploads" | "none";

export type Disk = {
  /** The stores as one life of the server sees them. A crash cuts them off for good. */
  mount(): { readonly jobs: JobStore; readonly blobs: BlobStore };
  /** The server is gone this instant. */
  crash(fate: Fate): void;
  /** The next commit reports an error; whether it happened shows after the restart. Nothing works after it. */
  breakDown(isDurable: boolean): void;
  /** For lack of space uploads are refused, or every write, until it ends. */
  setSpace(space: Space): void;
  /** When writes were last refused for lack of space. */
  fullAtMs(): number;
  /** True when errors of the stores are the nemesis's doing. */
  isExcused(): boolean;
  /** When the move to this revision was made, if it was told before its commit. */
  madeSoonMs(seq: JobSeq, revision: number): number | null;
};

export type DiskDeps = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  /** Looks at what is durable after each commit, before anybody is told. */
  readonly onCommit: () => Promise<void>;
};

export type Write = {
  /** It was answered already: it cannot fail, only wait. */
  readonly isPromised: boolean;
  /** It will not be. */
  readonly undo?: () => void;
  /** Never rejects: one bad write fails its own caller alone. */
  readonly apply: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export function createDisk(deps: DiskDeps): Disk {
  const { scheduler, chance, knobs, trace } = deps;
  let life = 0;
  let waiting: Write[] = [];
  let breaking: "not" | "keep" | "drop" | "broken" = "not";
  let space: Space = "enough";
  let wasLow = false;
  let fullAtMs = Number.NEGATIVE_INFINITY;
  let unfinishedBlobs: (() => Promise<void>)[] = [];
  let isArmed = false;
  const madeSoon = new Map<string, number>();

  const applyAll = async (batch: readonly Write[]) => {
    for (const { apply } of batch) await apply();
    if (batch.length > 0) await deps.onCommit();
  };

  const commit = async () => {
    const batch = waiting;
    waiting = [];
    isArmed = false;
    const broke = breaking;
    if (broke === "broken") return batch.forEach(({ reject }) => reject(ioError()));
    if (broke !== "not") {
      breaking = "broken";
      trace.note("fault.broken", broke);
      if (broke === "keep") await applyAll(batch);
      return batch.forEach(({ reject }) => reject(ioError()));
    }
    if (space === "none") {
      waiting = [...batch.filter(({ isPromised }) => isPromised), ...waiting];
      if (waiting.length > 0) commitIn(commitAgainMs);
      return batch.forEach(({ reject }) => reject(diskLow()));
    }
    await applyAll(batch);
    for (const { resolve } of batch) resolve();
  };

  const commitIn = (ms: number) => {
    const mine = life;
    scheduler.after(ms, () => {
      if (mine === life) scheduler.finish(commit());
    });
  };

  const queue = (write: Write) => {
    waiting.push(write);
    if (isArmed) return;
    isArmed = true;
    commitIn(chance.between(0, knobs.commitMsMax));
  };

  const mount = () => {
    const mine = (life += 1);
    isArmed = false;
    const isAlive = () => mine === life;
    const never = <T>() => new Promise<T>(() => {});

    const write = <T>(apply: () => Promise<T>): Promise<T> => {
      if (!isAlive()) return never();
      return new Promise((resolve, reject) => {
        let tell = () => {};
        queue({
          isPromised: false,
          apply: () =>
            apply().then(
              (answer) => void (tell = () => resolve(answer)),
              (error: unknown) => void (tell = () => reject(error)),
            ),
          resolve: () => tell(),
          reject,
        });
      });
    };

    const promise: JobRoads["promise"] = async ({ seq, revision }, apply, settle) => {
      if (!isAlive() || breaking === "broken") return;
      const name = `${seq}:${revision}`;
      madeSoon.set(name, scheduler.nowMs());
      const undo = () => void madeSoon.delete(name);
      queue({ isPromised: true, apply, resolve: settle, reject: () => {}, undo });
    };

    const read = async <T>(look: () => Promise<T>): Promise<T> => {
      if (!isAlive()) return never();
      if (breaking === "broken") throw ioError();
      if (knobs.readMsMax === 0) return look();
      const isEarly = chance.is(0.5);
      const early = isEarly ? await look() : null;
      await scheduler.sleep(chance.between(0, knobs.readMsMax));
      if (!isAlive()) return never();
      return isEarly ? (early as T) : look();
    };

    const pause = async () => {
      if (!isAlive()) return never<void>();
      await scheduler.sleep(chance.between(0, knobs.blobMsMax));
      if (!isAlive()) return never<void>();
    };

    return {
      jobs: mountJobs(deps.jobs, { read, write, promise }),
      blobs: mountBlobs(deps.blobs, { pause, isFailing, isLow: () => space !== "enough", later }),
    };
  };

  const isFailing = (what: string) => {
    if (!chance.is(knobs.blobErrorRate)) return false;
    trace.note(`fault.blob-${what}`);
    return true;
  };

  /** Work on blobs that a crash may leave done or undone. */
  const later = (work: () => Promise<void>) => {
    unfinishedBlobs.push(work);
    return () => void (unfinishedBlobs = unfinishedBlobs.filter((one) => one !== work));
  };

  return {
    mount,
    crash(fate) {
      life += 1;
      const count = { drop: 0, keep: waiting.length, part: chance.between(0, waiting.length) };
      const kept = breaking === "broken" ? [] : waiting.slice(0, count[fate]);
      const blobs = unfinishedBlobs.filter(() => chance.is(0.5));
      trace.note(`disk.${fate}`, `${kept.length} of ${waiting.length}`);
      for (const { undo } of waiting.slice(kept.length)) undo?.();
      waiting = [];
      unfinishedBlobs = [];
      breaking = "not";
      scheduler.finish(applyAll(kept));
      for (const work of blobs) scheduler.finish(work());
    },
    breakDown: (isDurable) => void (breaking = isDurable ? "keep" : "drop"),
    fullAtMs: () => (space === "none" ? scheduler.nowMs() : fullAtMs),
    setSpace(left) {
      if (space === "none") fullAtMs = scheduler.nowMs();
      space = left;
      wasLow ||= left !== "enough";
    },
    isExcused: () => breaking === "broken" || wasLow || knobs.blobErrorRate > 0,
    madeSoonMs: (seq, revision) => madeSoon.get(`${seq}:${revision}`) ?? null,
  };
}

function ioError(): Error {
  return new Error("disk I/O error (simulated)");
}

function diskLow(): GridError {
  return new GridError("disk-low", "The disk is full (simulated).");
}

type BlobRoads = {
  readonly pause: () => Promise<void>;
  readonly isFailing: (what: string) => boolean;
  readonly isLow: () => boolean;
  readonly later: (work: () => Promise<void>) => () => void;
};

function mountBlobs(platter: BlobStore, { pause, isFailing, isLow, later }: BlobRoads): BlobStore {
  return {
    async put(bytes, sizeBytesMax) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk.slice());
      const done = later(async () => void (await platter.put(each(chunks), sizeBytesMax)));
      await pause();
      done();
      if (isLow()) throw diskLow();
      return platter.put(each(chunks), sizeBytesMax);
    },
    async open(ref, range) {
      await pause();
      if (isFailing("open")) throw ioError();
      return platter.open(ref, range);
    },
    async delete(name) {
      const done = later(() => platter.delete(name));
      await pause();
      done();
      if (isFailing("delete")) throw ioError();
      return platter.delete(name);
    },
    list: (after, limit) => platter.list(after, limit),
    close: async () => {},
  };
}

async function* each(chunks: readonly Uint8Array[]) {
  yield* chunks;
}
