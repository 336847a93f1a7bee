// Owns work that goes on after its caller has returned, so that no promise floats: a failure is logged,
// and whoever stops the broker can wait for what is under way.

import type { Log } from "../platform/log.ts";

export type Works = {
  carryOut(work: Promise<unknown>): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
};

export function createWorks({ log }: { readonly log: Log }): Works {
  const underWay = new Set<Promise<void>>();

  const watch = async (work: Promise<unknown>) => {
    try {
      await work;
    } catch (error) {
      log.error("broker.work_failed", error);
    }
  };

  return {
    carryOut(work) {
      const watched: Promise<void> = watch(work).finally(() => underWay.delete(watched));
      underWay.add(watched);
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
