// How many jobs of each type are in each status, and which shapes have pending ones: counted once at open, then
// kept in memory. Changes are noted while a transaction runs and count only once it is committed.

import { statuses } from "../../domain/job.ts";
import type { ShapeCountRow } from "./statements.ts";
import { statusNumbers } from "./stored-numbers.ts";

export type JobCounts = {
  /** Inside a transaction: one job more (1) or less (-1). */
  note(of: Counted, state: number, by: 1 | -1): void;
  commit(): void;
  discard(): void;
  get(type: number, state: number): number;
  /** Numbers of the shapes of this type that have pending jobs. */
  pendingShapes(type: number): Iterable<number>;
};

/** The numbers of a job's type and of its shape. */
export type Counted = { readonly type: number; readonly shape: number };

type Noted = Counted & { readonly state: number; readonly by: number };

export function createJobCounts(standing: readonly ShapeCountRow[]): JobCounts {
  const countsBySlot = new Map<number, number>();
  const pendingByType = new Map<number, Map<number, number>>();
  let noted: Noted[] = [];
  const slotOf = (type: number, state: number) => type * statuses.length + state;

  function count({ type, shape, state, by }: Noted): void {
    const slot = slotOf(type, state);
    countsBySlot.set(slot, (countsBySlot.get(slot) ?? 0) + by);
    if (state !== statusNumbers.pending) return;
    const pending = pendingByType.get(type) ?? new Map<number, number>();
    pendingByType.set(type, pending);
    const left = (pending.get(shape) ?? 0) + by;
    if (left === 0) pending.delete(shape);
    else pending.set(shape, left);
  }

  for (const { type, shape, state, count: by } of standing) count({ type, shape, state, by });

  return {
    note: ({ type, shape }, state, by) => {
      noted.push({ type, shape, state, by });
    },
    commit: () => {
      for (const change of noted) count(change);
      noted = [];
    },
    discard: () => {
      noted = [];
    },
    get: (type, state) => countsBySlot.get(slotOf(type, state)) ?? 0,
    pendingShapes: (type) => pendingByType.get(type)?.keys() ?? [],
  };
}
