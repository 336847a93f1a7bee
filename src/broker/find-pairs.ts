// Brings ready jobs and free seats together: which shapes are worth asking for, how far to look, who takes what.
// Decides only; whoever asked claims.

import type { Instant, Job } from "../domain/job.ts";
import { claimsPerRoundMax } from "../domain/limits.ts";
import { groupLimitOf, requirementsOf, type Shape } from "../domain/shape.ts";
import { isPastDeadline } from "../domain/transition.ts";
import type { Clock } from "../platform/clock.ts";
import type { JobStore } from "../store/job-store.ts";
import { couldRunElsewhere } from "./could-run.ts";
import type { Roster, Seat } from "./roster.ts";
import { createRound, type Round, type RoundDeps } from "./round.ts";
import { worthAsking, type Asked } from "./worth-asking.ts";

export type FindDeps = RoundDeps & {
  readonly jobs: Pick<JobStore, "shapes" | "ready">;
  readonly clock: Clock;
  /** What waits are measured against: the wall clock, or later when it was set back. */
  readonly dueAt: () => Instant;
};

/** `waived`: the job avoids the worker, and no other could run it. */
export type Pair = { readonly job: Job; readonly seat: Seat; readonly waived: boolean };

/** Jobs looked at in one round, so that those which avoid the free workers do not hide those behind them. */
const lookAheadMax = 1_024;

/** Each look of a round goes so many times further than the one before. */
const lookFactor = 8;

/** Looks at as many jobs as there are seats; further only when some of them fit none of the seats. */
export async function findPairs(deps: FindDeps): Promise<readonly Pair[]> {
  const seatCount = mostRoomOfAType(deps.roster);
  if (seatCount === 0) return [];
  const shapes = await deps.jobs.shapes([...deps.roster.free().keys()]);
  for (let factor = 1; ; factor *= lookFactor) {
    const limit = Math.min(seatCount * factor, lookAheadMax);
    const asked = worthAsking(deps, shapes, { limit, factor });
    if (asked.length === 0) return [];
    const ready = await readyJobs(deps, asked, limit);
    const { pairs, round } = match(deps, ready);
    if (limit >= lookAheadMax) return pairs;
    const look = { ready, countByType: countTypes(ready), pairs, round, limit };
    const byShape = asked.some((one) => one.limit < limit) ? sortByShape(ready) : noJobs;
    if (!asked.some((one) => isHidden(one, { ...look, byShape }))) return pairs;
  }
}

/** Up to what one round claims. */
function mostRoomOfAType(roster: Roster): number {
  let most = 0;
  for (const seats of roster.free().values()) {
    let room = 0;
    for (const seat of seats) {
      room += roster.room(seat);
      if (room >= claimsPerRoundMax) return claimsPerRoundMax;
    }
    most = Math.max(most, room);
  }
  return most;
}

/**
 * After the clock was set back, waits run ahead of the wall for a while; deadlines do not. Jobs whose deadline
 * lies between the two are asked for by the wall, and come behind the others.
 */
async function readyJobs(deps: FindDeps, shapes: readonly Asked[], limit: number) {
  const [dueAt, now] = [deps.dueAt(), deps.clock.now()];
  const due = await deps.jobs.ready({ shapes, at: dueAt, limit });
  if (dueAt <= now) return due;
  const known = new Set(due.map(({ seq }) => seq));
  const byWall = await deps.jobs.ready({ shapes, at: now, limit });
  return [...due, ...byWall.filter(({ seq }) => !known.has(seq))];
}

/** Each job in turn takes one of the seats that may have it. */
function match(deps: FindDeps, jobs: readonly Job[]) {
  const pairs: Pair[] = [];
  const round = createRound(deps);
  const at = deps.clock.now();
  for (const job of jobs) {
    if (isPastDeadline(job, at)) continue;
    const groupLimit = groupLimitOf(job);
    if (groupLimit !== null && round.leftInGroup(groupLimit) <= 0) continue;
    const waived = job.avoid.length > 0 && !couldRunElsewhere(deps, job);
    const seat = round.give(job, waived);
    if (seat !== null) pairs.push({ job, seat, waived });
  }
  return { pairs, round };
}

type Look = {
  readonly ready: readonly Job[];
  readonly countByType: ReadonlyMap<string, number>;
  /** The ready jobs by `nameOf` their shape; empty where nobody asks. */
  readonly byShape: ReadonlyMap<string, readonly Job[]>;
  readonly pairs: readonly Pair[];
  readonly round: Round;
  readonly limit: number;
};

/** True when jobs of this shape that were not looked at might have taken a seat. */
function isHidden(one: Asked, look: Look): boolean {
  const { type, needs } = one;
  // Those behind a round that is full are for the next one, which follows at once.
  const isFull = look.pairs.length >= claimsPerRoundMax;
  const isTypeCutShort = (look.countByType.get(type) ?? 0) >= look.limit;
  if (!isFull && isTypeCutShort && look.round.isRoomFor(type, needs)) return true;
  return one.limit < look.limit && isCutShort(one, look);
}

/**
 * True when less was asked of the shape than of others, all of it came, and more of it may start all the same: then
 * one behind them may have had a better right to a seat than the job that took it.
 */
function isCutShort(
  { type, requires, limit, groupLimit, needs }: Asked,
  { ready, byShape, pairs, round }: Look,
): boolean {
  if (groupLimit !== null && round.leftInGroup(groupLimit) <= 0) return false;
  const ofShape = byShape.get(nameOf({ type, requires })) ?? [];
  if (ofShape.length < limit) return false;
  if (round.isRoomFor(type, needs)) return true;
  const given = new Set(pairs.map(({ job }) => job));
  // No more could start than were asked for, and those did.
  if (ofShape.every((job) => given.has(job))) return false;
  const lastGiven = pairs.findLast(({ job }) => job.type === type)?.job;
  const last = ofShape.at(-1);
  return lastGiven !== undefined && last !== undefined && isBehind(ready, lastGiven, last);
}

function isBehind(ready: readonly Job[], one: Job, other: Job): boolean {
  return ready.indexOf(one) > ready.indexOf(other);
}

const noJobs: ReadonlyMap<string, readonly Job[]> = new Map();

function sortByShape(jobs: readonly Job[]): ReadonlyMap<string, readonly Job[]> {
  return Map.groupBy(jobs, (job) => nameOf({ type: job.type, requires: requirementsOf(job) }));
}

/** The names of types have no line breaks. */
function nameOf({ type, requires }: Shape): string {
  return `${type}\n${requires}`;
}

function countTypes(jobs: readonly Job[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of jobs) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
