// Who among several free workers is given a job: the ways to choose that a configuration may name, and how the
// numbers that they go by are made of what workers hold and tell.

import type { Vitals } from "./worker.ts";

/** `round-robin`: whose turn it is. `least-loaded`: who has least to do; whose turn it is among equals. */
export const placements = ["least-loaded", "round-robin"] as const;
export type Placement = (typeof placements)[number];

/** What a worker holds now, and how busy its machine is. */
export type Burden = {
  readonly heldCount: number;
  readonly slots: number;
  /** As `busyLevel` has it. */
  readonly level: number;
};

const levelMax = 8;

/** Between any two shares of up to 1024 slots lies more than this times the highest level. */
const levelWeight = 1e-8;

/**
 * Less is better, 0 is nothing at all to do. What it holds, as a share of its slots, counts first; how busy its
 * machine is decides among those that hold the same share.
 */
export function loadOf({ heldCount, slots, level }: Burden): number {
  return heldCount / slots + level * levelWeight;
}

/**
 * How busy a machine is by its own word, from 0 to 8. In coarse steps: between two words of it many small jobs are
 * given out, and they would all go to the machine that was a little less busy than the others.
 */
export function busyLevel(vitals: Vitals | null): number {
  if (vitals === null) return 0;
  return Math.max(processorLevel(vitals), memoryLevel(vitals));
}

/** A step for each quarter of its processors that is in use; those that wait for one count as well. */
function processorLevel({ load, cpu }: Vitals): number {
  const busy = cpu.reduce((sum, part) => sum + part, 0);
  // Not every system has a load.
  const used = Math.max(busy, load ?? 0) / Math.max(cpu.length, 1);
  return Math.min(Math.floor(used * 4), levelMax);
}

/** Memory is no matter while there is plenty; a machine that is nearly out of it comes last. */
function memoryLevel({ memoryBytes, memoryUsedBytes }: Vitals): number {
  if (memoryBytes === null || memoryUsedBytes === null || memoryBytes === 0) return 0;
  const used = memoryUsedBytes / memoryBytes;
  if (used < 0.75) return 0;
  return used < 0.9 ? levelMax / 4 : levelMax;
}
