// Seeded chance with the words the world needs. Each actor forks its own stream, so that one more draw in one
// place leaves the others as they were.

import type { Random } from "../../src/platform/random.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

export type Chance = Random & {
  /** A whole number in [least, most]. */
  between(least: number, most: number): number;
  /** True with this probability. */
  is(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
  /** Another stream, fixed by this one's seed and the name. */
  fork(name: string): Chance;
};

export function createChance(seed: string): Chance {
  const random = createSeededRandom(Bun.hash.xxHash32(seed));
  const { fraction } = random;
  const below = (bound: number) => Math.floor(fraction() * bound);
  return {
    ...random,
    between: (least, most) => least + below(most - least + 1),
    is: (probability) => fraction() < probability,
    pick: (items) => items[below(items.length)]!,
    weighted<Name extends string>(weights: Readonly<Record<Name, number>>) {
      const names = Object.keys(weights) as Name[];
      let left = fraction() * names.reduce((sum, name) => sum + weights[name], 0);
      for (const name of names) if ((left -= weights[name]) < 0) return name;
      return names.at(-1)!;
    },
    fork: (name) => createChance(`${seed}/${name}`),
  };
}
