// Which shapes of jobs the store is asked for, and for how many of each: no more than may start now. A shape that
// no free worker could be given, or whose group is full, is not asked for, so its jobs cost nothing.

import { countThatFit, type Amounts, type Needs } from "../domain/requirements.ts";
import { parseRequirements, type GroupLimit, type Shape } from "../domain/shape.ts";
import { isTaking, type FitDeps } from "./could-run.ts";
import type { Seat } from "./roster.ts";

export type Asked = Shape & {
  readonly limit: number;
  readonly groupLimit: GroupLimit | null;
  readonly needs: Needs | null;
};

/** `factor`: how much further than the first look of a round this one goes. */
export type Reach = { readonly limit: number; readonly factor: number };

export function worthAsking(
  deps: FitDeps,
  shapes: readonly Shape[],
  { limit, factor }: Reach,
): readonly Asked[] {
  const bests = new Map<string, Best>();
  return shapes.flatMap((shape): readonly Asked[] => {
    const { groupLimit, payloadBytesMin, needs } = parseRequirements(shape.requires);
    let most = limit;
    if (needs !== null || payloadBytesMin > 0) {
      const best = needs === null ? null : bestOfType(deps, bests, shape.type);
      if (needs !== null && best !== null && !isWithin(needs, best)) return [];
      const count = countThatStart(deps, shape.type, { needs, payloadBytesMin, limit });
      most = Math.min(most, count * factor);
    }
    if (groupLimit !== null) {
      const left = groupLimit.runningMax - deps.roster.runningCount(groupLimit.group);
      // Further looks go further here too, but as slowly.
      most = Math.min(most, left * factor);
    }
    return most > 0 ? [{ ...shape, limit: most, groupLimit, needs }] : [];
  });
}

/** How many jobs of a shape could start now, were they alone; up to `limit`. */
function countThatStart(
  deps: FitDeps,
  type: string,
  {
    needs,
    payloadBytesMin,
    limit,
  }: { readonly needs: Needs | null; readonly payloadBytesMin: number; readonly limit: number },
): number {
  let count = 0;
  for (const seat of deps.roster.free().get(type) ?? []) {
    if (seat.payloadBytesMax < payloadBytesMin || !isTaking(deps, seat)) continue;
    // Of large payloads some may be too large all the same: they hold up none behind them.
    if (needs === null) return limit;
    const offerer = { workerId: seat.worker.id, offers: seat.offers };
    const room = deps.roster.room(seat);
    count += Math.min(room, countThatFit(needs, offerer, deps.roster.held(seat)));
    if (count >= limit) return limit;
  }
  return count;
}

/** The most of each thing that any free worker of a type has left. No single one need have all of it. */
type Best = { -readonly [Name in keyof Amounts]: number } & {
  readonly tags: Set<string>;
  readonly workerIds: Set<string>;
};

/** One look at all free workers rules out most of what fits none of them, however many shapes there are. */
function bestOfType(deps: FitDeps, bests: Map<string, Best>, type: string): Best {
  const known = bests.get(type);
  if (known !== undefined) return known;
  const best: Best = {
    milliCpus: 0,
    memoryBytes: 0,
    gpus: 0,
    tags: new Set(),
    workerIds: new Set(),
  };
  for (const seat of deps.roster.free().get(type) ?? []) note(deps, best, seat);
  bests.set(type, best);
  return best;
}

function note({ roster }: FitDeps, best: Best, seat: Seat): void {
  const { worker, offers } = seat;
  best.workerIds.add(worker.id);
  if (offers === null) return;
  const held = roster.held(seat);
  best.milliCpus = Math.max(best.milliCpus, Math.round((offers.cpus ?? 0) * 1000) - held.milliCpus);
  best.memoryBytes = Math.max(best.memoryBytes, (offers.memoryBytes ?? 0) - held.memoryBytes);
  best.gpus = Math.max(best.gpus, offers.gpus - held.gpus);
  for (const tag of offers.tags) best.tags.add(tag);
}

function isWithin(needs: Needs, best: Best): boolean {
  return (
    needs.milliCpus <= best.milliCpus &&
    needs.memoryBytes <= best.memoryBytes &&
    needs.gpus <= best.gpus &&
    (needs.workerId === null || best.workerIds.has(needs.workerId)) &&
    needs.tags.every((tag) => best.tags.has(tag))
  );
}
