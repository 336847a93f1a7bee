// The spool of a simulated v2 worker: ends of attempts from the moment they are known until they are forgotten. What was
// kept is on the disk a little later, and so is what was taken away; a crash loses what was not.

import type { HeldAttempt } from "../../src/protocol/worker-messages.ts";
import { nameOf } from "../../src/agent/conversation/attempts.ts";
import { toHeldAttempt, type Ended } from "../../src/agent/spool/outcome.ts";
import type { Chance } from "./chance.ts";
import type { Scheduler } from "./scheduler.ts";

/** What outlives the processes of a worker. */
export type SpoolDisk = Map<string, Ended>;

export type SimSpool = {
  readonly restored: readonly HeldAttempt[];
  keep(ended: Ended): void;
  get(name: string): Ended | null;
  forget(name: string): void;
  count(): number;
  /** The process is gone: nothing more reaches the disk. */
  crash(): void;
};

export function openSimSpool(
  disk: SpoolDisk,
  { scheduler, chance, syncMsMax }: SpoolDeps,
): SimSpool {
  const ends = new Map(disk);
  let isCrashed = false;
  /** In order for each name: a file is written before it is taken away. */
  let lastAtMs = 0;
  const later = (work: () => void) => {
    lastAtMs = Math.max(lastAtMs, scheduler.nowMs() + chance.between(0, syncMsMax));
    scheduler.after(lastAtMs - scheduler.nowMs(), () => {
      if (!isCrashed) work();
    });
  };
  return {
    restored: [...ends.values()].map(toHeldAttempt),
    keep(ended) {
      const name = nameOf(ended);
      ends.set(name, ended);
      later(() => {
        if (ends.get(name) === ended) disk.set(name, ended);
      });
    },
    get: (name) => ends.get(name) ?? null,
    forget(name) {
      ends.delete(name);
      later(() => {
        if (!ends.has(name)) disk.delete(name);
      });
    },
    count: () => ends.size,
    crash: () => void (isCrashed = true),
  };
}

export type SpoolDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly syncMsMax: number;
};
