// Shows the workers to people: those connected, and for a short while those that just left.

import { GridError } from "../domain/errors.ts";
import { departedWorkerMs, socketCountMax } from "../domain/limits.ts";
import type { Instant } from "../domain/job.ts";
import type { WorkerView } from "../domain/worker.ts";
import type { Clock } from "../platform/clock.ts";
import type { Roster, Seat } from "./roster.ts";
import type { Tally } from "./tally.ts";

export type Crew = {
  views(): readonly WorkerView[];
  /** Without those that just left. */
  size(): { readonly connected: number; readonly slots: number };
  /** By connection, or by the id the worker brought. */
  view(id: string): WorkerView;
  kick(id: string): WorkerView;
  /** It ends what it has and gets nothing new, until `undrain`. */
  drain(id: string): WorkerView;
  undrain(id: string): WorkerView;
  /** Keeps a seat that was left in sight for a while. */
  left(seat: Seat): void;
};

export type CrewDeps = {
  readonly roster: Roster;
  readonly tally: Tally;
  readonly clock: Clock;
  /** The dispatcher may find something to do. */
  readonly onRoom: () => void;
};

export function createCrew({ roster, tally, clock, onRoom }: CrewDeps): Crew {
  const departed = new Map<Seat, Instant>();

  const forgetDeparted = () => {
    const before = clock.now() - departedWorkerMs;
    for (const [seat, at] of departed) {
      if (at <= before || departed.size > socketCountMax) departed.delete(seat);
    }
  };

  const stateOf = (seat: Seat) => {
    const state = seat.state();
    return state !== "gone" && roster.isDraining(seat.worker) ? "draining" : state;
  };
  const tellAll = (workerId: string, isDraining: boolean) => {
    for (const seat of roster.seats()) {
      if (seat.worker.id === workerId) seat.tellDraining(isDraining);
    }
  };

  const toView = (seat: Seat, jobs: WorkerView["jobs"]): WorkerView => ({
    ...tally.record(seat.worker, seat.connectedAt),
    ...seat.worker,
    connection: seat.connection,
    state: stateOf(seat),
    protocol: seat.protocol,
    types: seat.types,
    slots: seat.slots,
    offers: seat.offers,
    vitals: seat.vitals(),
    machine: seat.machine,
    address: seat.address,
    connectedAt: seat.connectedAt,
    jobs,
  });

  /** Those with a seat, and those that work without one, with what they hold. */
  const connected = () => {
    const held = new Map<Seat, { seq: number; attempt: number }[]>();
    for (const seat of roster.seats()) held.set(seat, []);
    for (const { seat, job } of roster.leases()) {
      if (seat === null) continue;
      const jobs = held.get(seat) ?? [];
      jobs.push({ seq: job.seq, attempt: job.attempt.n });
      held.set(seat, jobs);
    }
    return held;
  };
  /** And those that just left. */
  const shown = () => {
    forgetDeparted();
    const held = connected();
    for (const seat of departed.keys()) if (!held.has(seat)) held.set(seat, []);
    return held;
  };

  const find = (among: ReadonlyMap<Seat, unknown>, id: string): Seat => {
    const seats = [...among.keys()];
    const found =
      seats.find(({ connection }) => connection === id) ??
      seats.find(({ worker }) => worker.id === id);
    if (found !== undefined) return found;
    throw new GridError(
      "no-such-worker",
      `No worker "${id}" is connected. GET /api/workers lists them.`,
    );
  };

  const view = (seat: Seat) => toView(seat, shown().get(seat) ?? []);

  return {
    views: () => Array.from(shown(), ([seat, jobs]) => toView(seat, jobs)),
    size() {
      let [connectedCount, slots] = [0, 0];
      for (const seat of connected().keys()) {
        connectedCount += 1;
        slots += seat.slots;
      }
      return { connected: connectedCount, slots };
    },
    view: (id) => view(find(shown(), id)),
    kick(id) {
      const seat = find(connected(), id);
      seat.kick();
      return view(seat);
    },
    drain(id) {
      const seat = find(connected(), id);
      roster.drain(seat.worker.id);
      tellAll(seat.worker.id, true);
      return view(seat);
    },
    undrain(id) {
      const seat = find(connected(), id);
      roster.undrain(seat.worker.id);
      tellAll(seat.worker.id, false);
      onRoom();
      return view(seat);
    },
    left(seat) {
      forgetDeparted();
      departed.set(seat, clock.now());
    },
  };
}
