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
  /** By connection, or by the id the worker brought. */
  view(id: string): WorkerView;
  kick(id: string): WorkerView;
  /** Keeps a seat that was left in sight for a while. */
  left(seat: Seat): void;
};

export type CrewDeps = { readonly roster: Roster; readonly tally: Tally; readonly clock: Clock };

export function createCrew({ roster, tally, clock }: CrewDeps): Crew {
  const departed = new Map<Seat, Instant>();

  const forgetDeparted = () => {
    const before = clock.now() - departedWorkerMs;
    for (const [seat, at] of departed) {
      if (at <= before || departed.size > socketCountMax) departed.delete(seat);
    }
  };

  const toView = (seat: Seat, jobs: WorkerView["jobs"]): WorkerView => ({
    ...tally.record(seat.worker, seat.connectedAt),
    ...seat.worker,
    connection: seat.connection,
    state: seat.state(),
    protocol: seat.protocol,
    type: seat.type,
    address: seat.address,
    connectedAt: seat.connectedAt,
    jobs,
  });

  const views = () => {
    forgetDeparted();
    const jobsBySeat = new Map<Seat, { seq: number; attempt: number }[]>();
    for (const { seat, job } of roster.leases()) {
      if (seat === null) continue;
      const held = jobsBySeat.get(seat) ?? [];
      held.push({ seq: job.seq, attempt: job.attempt.n });
      jobsBySeat.set(seat, held);
    }
    const seats = new Set([...roster.seats(), ...jobsBySeat.keys(), ...departed.keys()]);
    return [...seats].map((seat) => toView(seat, jobsBySeat.get(seat) ?? []));
  };

  const view = (id: string) => {
    const all = views();
    const found =
      all.find(({ connection }) => connection === id) ?? all.find((one) => one.id === id);
    if (found !== undefined) return found;
    throw new GridError(
      "no-such-worker",
      `No worker "${id}" is connected. GET /api/workers lists them.`,
    );
  };

  return {
    views,
    view,
    kick(id) {
      const { connection } = view(id);
      roster.requireSeat(connection).kick();
      return view(connection);
    },
    left(seat) {
      forgetDeparted();
      departed.set(seat, clock.now());
    },
  };
}
