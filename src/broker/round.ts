// One round of matching as it goes on: whose turn it is among the free seats, what each seat and each group has left
// after what this round has given. Jobs that require the same share a queue of the seats that have it, so that a
// round looks at each free seat once for each kind of job, however many jobs there are.

import type { Job } from "../domain/job.ts";
import { comparedSeatCountMax } from "../domain/limits.ts";
import { busyLevel, loadOf, type Burden, type Placement } from "../domain/placement.ts";
import type { Amounts, Needs } from "../domain/requirements.ts";
import type { GroupLimit } from "../domain/shape.ts";
import { has, isTaking, needsOfJob, type FitDeps } from "./could-run.ts";
import type { Held, Seat } from "./roster.ts";

export type RoundDeps = FitDeps & {
  /** How to choose among several free seats. */
  readonly placement: Placement;
};

export type Round = {
  /** Gives the job to a seat, or answers null when none may have it now. */
  give(job: Job, isAvoidingWaived: boolean): Seat | null;
  /** How many more jobs of the group may start. */
  leftInGroup(limit: GroupLimit): number;
  /** True while a free seat of the type could be given a job with these needs. */
  isRoomFor(type: string, needs: Needs | null): boolean;
};

/** A seat in this round. `held`: with what this round has given it. */
type Place = {
  readonly seat: Seat;
  readonly room: number;
  readonly level: number;
  takenCount: number;
  held: Held;
};

/** The seats that may have one kind of job, in turn. Those that were given one come behind the others. */
type Queue = {
  readonly needs: Needs | null;
  /** Seats nobody has looked at yet. */
  readonly rest: Iterator<Seat>;
  readonly front: Place[];
  readonly back: Place[];
};

export function createRound(deps: RoundDeps): Round {
  const { roster, placement } = deps;
  const placesBySeat = new Map<Seat, Place>();
  const queues = new Map<string, Queue>();
  const startingByGroup = new Map<string, number>();

  const placeOf = (seat: Seat): Place => {
    const known = placesBySeat.get(seat);
    if (known !== undefined) return known;
    const level = placement === "least-loaded" ? busyLevel(seat.vitals()) : 0;
    const place = { seat, room: roster.room(seat), level, takenCount: 0, held: roster.held(seat) };
    placesBySeat.set(seat, place);
    return place;
  };

  const queueOf = (job: Job): Queue => {
    const kind = `${job.type}\n${job.options.requires ?? ""}`;
    const known = queues.get(kind);
    if (known !== undefined) return known;
    const seats = roster.free().get(job.type) ?? new Set<Seat>();
    const queue = { needs: needsOfJob(job), rest: seats.values(), front: [], back: [] };
    queues.set(kind, queue);
    return queue;
  };

  /** The next seat in turn that has what this kind of job needs, or null when all were seen. */
  const comeForward = (queue: Queue): Place | null => {
    for (let next = queue.rest.next(); next.done !== true; next = queue.rest.next()) {
      const seat = next.value;
      if (!has(seat, queue.needs) || !isTaking(deps, seat)) continue;
      const place = placeOf(seat);
      queue.front.push(place);
      return place;
    }
    const again = queue.back.shift();
    if (again !== undefined) queue.front.push(again);
    return again ?? null;
  };

  const choose = (queue: Queue, isSuited: (seat: Seat) => boolean): Place | null => {
    let chosen: Place | null = null;
    let least = Number.POSITIVE_INFINITY;
    let comparedCount = 0;
    for (let index = 0; comparedCount < comparedSeatCountMax;) {
      const place = queue.front[index] ?? comeForward(queue);
      if (place === null) break;
      if (!isRoom(place, queue.needs)) {
        queue.front.splice(index, 1); // In this round nothing is given back.
        continue;
      }
      index += 1;
      if (!isSuited(place.seat)) continue;
      comparedCount += 1;
      const load = loads[placement](place);
      if (load < least) [chosen, least] = [place, load];
      if (load === 0) break;
    }
    return chosen;
  };

  return {
    give(job, isAvoidingWaived) {
      const { payload, avoid, group } = job;
      const queue = queueOf(job);
      const place = choose(
        queue,
        ({ payloadBytesMax, worker }) =>
          payload.size <= payloadBytesMax && (isAvoidingWaived || !avoid.includes(worker.id)),
      );
      if (place === null) return null;
      queue.front.splice(queue.front.indexOf(place), 1);
      queue.back.push(place);
      place.takenCount += 1;
      place.held = withOneMore(place.held, queue.needs);
      if (group !== null) startingByGroup.set(group, (startingByGroup.get(group) ?? 0) + 1);
      return place.seat;
    },
    leftInGroup: ({ group, runningMax }) =>
      runningMax - roster.runningCount(group) - (startingByGroup.get(group) ?? 0),
    isRoomFor(type, needs) {
      for (const seat of roster.free().get(type) ?? []) {
        const place = placesBySeat.get(seat);
        const taken: Amounts = place?.held ?? roster.held(seat);
        if (roster.room(seat) <= (place?.takenCount ?? 0)) continue;
        if (has(seat, needs, taken) && isTaking(deps, seat)) return true;
      }
      return false;
    },
  };
}

const loads: Readonly<Record<Placement, (place: Place) => number>> = {
  // Who is served by several queues may have been given something by another one.
  "round-robin": ({ takenCount }) => takenCount,
  "least-loaded": (place) => loadOf(burdenOf(place)),
};

function burdenOf({ seat, held, level }: Place): Burden {
  return { heldCount: held.count, slots: seat.slots, level };
}

function isRoom({ seat, room, takenCount, held }: Place, needs: Needs | null): boolean {
  return takenCount < room && has(seat, needs, held);
}

function withOneMore(held: Held, needs: Needs | null): Held {
  return {
    count: held.count + 1,
    milliCpus: held.milliCpus + (needs?.milliCpus ?? 0),
    memoryBytes: held.memoryBytes + (needs?.memoryBytes ?? 0),
    gpus: held.gpus + (needs?.gpus ?? 0),
  };
}
