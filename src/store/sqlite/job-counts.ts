// How many jobs of each type are in each status: counted once at open, then kept in memory.
// Changes are noted while a transaction runs and count only once it is committed.

import type { Statements } from "./statements.ts";

export type JobCounts = {
  /** Inside a transaction: one job more (1) or less (-1). */
  note(type: number, state: number, by: 1 | -1): void;
  commit(): void;
  discard(): void;
  get(type: number, state: number): number;
};

const stateCount = 5;

export function createJobCounts(statements: Statements): JobCounts {
  const countsBySlot = new Map<number, number>();
  let noted: { readonly slot: number; readonly by: number }[] = [];
  const slotOf = (type: number, state: number) => type * stateCount + state;

  for (const { type, state, count } of statements.counts.all({})) {
    countsBySlot.set(slotOf(type, state), count);
  }

  return {
    note: (type, state, by) => {
      noted.push({ slot: slotOf(type, state), by });
    },
    commit: () => {
      for (const { slot, by } of noted) countsBySlot.set(slot, (countsBySlot.get(slot) ?? 0) + by);
      noted = [];
    },
    discard: () => {
      noted = [];
    },
    get: (type, state) => countsBySlot.get(slotOf(type, state)) ?? 0,
  };
}
