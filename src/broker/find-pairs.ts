// Brings ready jobs and free seats together: which shapes are worth asking for, how far to look, who takes what.
// Decides only; whoever asked claims. Shapes that fit no free seat, or whose group has no room, are not asked for.

import type { Instant, Job } from "../domain/job.ts";
import { claimsPerRoundMax } from "../domain/limits.ts";
import {
  groupLimitOf,
  parseRequirements,
  requirementsOf,
  type GroupLimit,
  type Shape,
} from "../domain/shape.ts";
import { isPastDeadline } from "../domain/transition.ts";
import type { Clock } from "../platform/clock.ts";
import type { JobStore } from "../store/job-store.ts";
import { couldRunElsewhere, fits, type FitDeps } from "./could-run.ts";
import type { Roster, Seat } from "./roster.ts";

export type FindDeps = FitDeps & {
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
    const { pairs, room, takenBySeat } = match(deps, ready);
    const look = { asked, ready, pairs, room, takenBySeat, limit };
    const mayFindMore = asked.some(({ type }) => isHidden(deps, type, look));
    if (!mayFindMore || limit >= lookAheadMax) return pairs;
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

type Asked = Shape & { readonly limit: number; readonly groupLimit: GroupLimit | null };

/** No more is asked of a group than may start; further looks go further there too, but as slowly. */
function worthAsking(
  deps: FindDeps,
  shapes: readonly Shape[],
  { limit, factor }: { readonly limit: number; readonly factor: number },
): readonly Asked[] {
  const room = createRoom(deps.roster);
  return shapes.flatMap((shape): readonly Asked[] => {
    const { groupLimit, payloadBytesMin } = parseRequirements(shape.requires);
    if (payloadBytesMin > 0 && !isPayloadTaken(deps, shape.type, payloadBytesMin)) return [];
    if (groupLimit === null) return [{ ...shape, limit, groupLimit }];
    const left = room.left(groupLimit);
    return left > 0 ? [{ ...shape, limit: Math.min(limit, left * factor), groupLimit }] : [];
  });
}

function isPayloadTaken(deps: FitDeps, type: string, sizeBytes: number): boolean {
  for (const seat of deps.roster.free().get(type) ?? []) {
    if (seat.payloadBytesMax < sizeBytes || !deps.isTrusted(seat.worker)) continue;
    if (!deps.roster.isDraining(seat.worker)) return true;
  }
  return false;
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

type Look = {
  readonly asked: readonly Asked[];
  readonly ready: readonly Job[];
  readonly pairs: readonly Pair[];
  readonly room: Room;
  readonly takenBySeat: ReadonlyMap<Seat, number>;
  readonly limit: number;
};

/** True when jobs that were not looked at might have taken a seat of this type. */
function isHidden(deps: FitDeps, type: string, look: Look): boolean {
  const isSeatLeft = [...(deps.roster.free().get(type) ?? [])].some(
    (seat) =>
      deps.isTrusted(seat.worker) &&
      !deps.roster.isDraining(seat.worker) &&
      deps.roster.room(seat) > (look.takenBySeat.get(seat) ?? 0),
  );
  if (isSeatLeft && look.ready.filter((job) => job.type === type).length >= look.limit) return true;
  return look.asked.some((one) => one.type === type && isCutShort(one, look, isSeatLeft));
}

/**
 * True when less was asked of the shape than of others, all of it came, and its group has room all the same: then
 * one behind them may have had a better right to a seat than the job that took it.
 */
function isCutShort(
  { type, requires, limit, groupLimit }: Asked,
  { ready, pairs, room, limit: limitOfLook }: Look,
  isSeatLeft: boolean,
): boolean {
  if (groupLimit === null || limit >= limitOfLook || room.left(groupLimit) <= 0) return false;
  const isOfShape = (job: Job) => job.type === type && requirementsOf(job) === requires;
  if (ready.filter(isOfShape).length < limit) return false;
  const last = ready.findLastIndex(isOfShape);
  return isSeatLeft || pairs.some(({ job }) => job.type === type && ready.indexOf(job) > last);
}

/** Each job in turn takes the seat whose turn it is among those that fit it and were given least in this round. */
function match(deps: FindDeps, jobs: readonly Job[]) {
  const takenBySeat = new Map<Seat, number>();
  const pairs: Pair[] = [];
  const room = createRoom(deps.roster);
  const at = deps.clock.now();
  for (const job of jobs) {
    const free = deps.roster.free().get(job.type);
    if (free === undefined || isPastDeadline(job, at)) continue;
    const groupLimit = groupLimitOf(job);
    if (groupLimit !== null && room.left(groupLimit) <= 0) continue;
    const waived = job.avoid.length > 0 && !couldRunElsewhere(deps, job);
    const seat = choose(deps, { job, waived }, free, takenBySeat);
    if (seat === null) continue;
    takenBySeat.set(seat, (takenBySeat.get(seat) ?? 0) + 1);
    pairs.push({ job, seat, waived });
    room.take(job);
  }
  return { pairs, room, takenBySeat };
}

function choose(
  deps: FindDeps,
  { job, waived }: Omit<Pair, "seat">,
  free: ReadonlySet<Seat>,
  takenBySeat: ReadonlyMap<Seat, number>,
): Seat | null {
  let chosen: Seat | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const seat of free) {
    const taken = takenBySeat.get(seat) ?? 0;
    if (taken >= least || taken >= deps.roster.room(seat) || !fits(deps, job, seat)) continue;
    if (!waived && job.avoid.includes(seat.worker.id)) continue;
    if (taken === 0) return seat;
    [chosen, least] = [seat, taken];
  }
  return chosen;
}

/** What groups with a limit have left, counting what runs and what this round is about to start. */
type Room = { left(limit: GroupLimit): number; take(job: Job): void };

function createRoom(roster: Roster): Room {
  const startingByGroup = new Map<string, number>();
  return {
    left: ({ group, runningMax }) =>
      runningMax - roster.runningCount(group) - (startingByGroup.get(group) ?? 0),
    take({ group }) {
      if (group !== null) startingByGroup.set(group, (startingByGroup.get(group) ?? 0) + 1);
    },
  };
}
