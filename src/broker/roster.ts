// Who is connected, who has room, who holds which job. Lives in memory only: after a restart it is empty.

import { GridError } from "../domain/errors.ts";
import { workerRecordCountMax } from "../domain/limits.ts";
import type { Instant, JobSeq, RunningJob, WorkerRef } from "../domain/job.ts";
import type { Offers, Vitals, WorkerMachine, WorkerState, WorkerView } from "../domain/worker.ts";
import type { Progress } from "./broker.ts";

/** A job on its way to a worker. `payload` is null where the worker fetches it; `token` proves the attempt. */
export type Assignment = {
  readonly job: RunningJob;
  readonly payload: Uint8Array | null;
  readonly token: Uint8Array;
};

/** One connected worker as the dispatcher sees it; the door of its protocol stands behind it. */
export type Seat = {
  readonly connection: string;
  readonly worker: WorkerRef;
  /** The types whose jobs it takes, at least one. */
  readonly types: readonly string[];
  /** Jobs that it runs at a time; it may hold more, waiting in its hands. */
  readonly slots: number;
  /** Null where the protocol does not tell. */
  readonly offers: Offers | null;
  readonly machine: WorkerMachine | null;
  readonly address: string;
  readonly connectedAt: Instant;
  readonly protocol: WorkerView["protocol"];
  /** Larger payloads cannot be given to it. */
  readonly payloadBytesMax: number;
  /** Whether it is handed a payload of this size, or fetches it itself. */
  takesBytes(sizeBytes: number): boolean;
  /** How long it may be silent with a job, or null: then its attempts end with its connection. */
  readonly leaseMs: number | null;
  state(): WorkerState;
  vitals(): Vitals | null;
  /** Sends the job. False: it could not be sent. */
  give(assignment: Assignment): boolean;
  /** Ends the connection; what it holds is lost. */
  kick(): void;
  /** Tells it, where its protocol has words for it, that it gets nothing new, or that it does again. */
  tellDraining(isDraining: boolean): void;
};

/** An open attempt and who holds it. */
export type Lease = {
  /** Null after a restart: the worker is somewhere, and may come back. */
  readonly seat: Seat | null;
  readonly job: RunningJob;
  /** By the monotonic clock: the run time of an attempt is a duration. */
  readonly sinceMs: number;
  /** By the same clock, when it is lost unless renewed; null while a connection stands for it. */
  expiresMs: number | null;
  progress: Progress | null;
};

export type Roster = {
  join(seat: Seat): void;
  leave(seat: Seat): void;
  seats(): Iterable<Seat>;
  seatCount(): number;
  /** The seat of this connection, or the first of a worker with this id. */
  requireSeat(id: string): Seat;
  /** Says how many more jobs the seat would take now. Seats are given work in turn. */
  offer(seat: Seat, room: number): void;
  /** Keeps room for a job that is being claimed for the seat; it then is the last in turn. */
  reserve(seat: Seat): void;
  /** Gives that room back: right before the job is given, or when it is not. */
  unreserve(seat: Seat): void;
  /** How many jobs could be claimed for the seat now. */
  room(seat: Seat): number;
  /** From here on nothing is claimed for a worker of this id, also when it comes back; or it is again. */
  drain(workerId: string): void;
  undrain(workerId: string): void;
  isDraining(worker: WorkerRef): boolean;
  /** Seats with room, by the types they serve. */
  free(): ReadonlyMap<string, ReadonlySet<Seat>>;
  hold(
    seat: Seat | null,
    job: RunningJob,
    since: { readonly ms: number; readonly leaseMs: number | null },
  ): void;
  /** Ends the lease of this attempt, if it is still held. */
  drop(seq: JobSeq, attempt: number): void;
  lease(seq: JobSeq): Lease | null;
  leases(): Iterable<Lease>;
  leaseCount(): number;
  /** How many leases are of jobs of this group. */
  runningCount(group: string): number;
};

/** `reserved`: of the room that was offered, what claims that are being written take. */
type Room = { offered: number; reserved: number };

const noRoom: Room = { offered: 0, reserved: 0 };

export function createRoster(): Roster {
  const seatsByConnection = new Map<string, Seat>();
  const freeByType = new Map<string, Set<Seat>>();
  const leasesBySeq = new Map<JobSeq, Lease>();
  const runningByGroup = new Map<string, number>();

  const drainedIds = new Set<string>();
  const roomBySeat = new Map<Seat, Room>();

  const room = (seat: Seat) => {
    const { offered, reserved } = roomBySeat.get(seat) ?? noRoom;
    return offered - reserved;
  };
  const takeOut = (seat: Seat) => {
    for (const type of seat.types) {
      const free = freeByType.get(type);
      free?.delete(seat);
      if (free?.size === 0) freeByType.delete(type);
    }
  };
  const putIn = (seat: Seat) => {
    for (const type of seat.types) {
      const free = freeByType.get(type);
      if (free === undefined) freeByType.set(type, new Set([seat]));
      else free.add(seat);
    }
  };
  const place = (seat: Seat) => (room(seat) > 0 ? putIn(seat) : takeOut(seat));

  const countRunning = ({ group }: RunningJob, by: 1 | -1) => {
    if (group === null) return;
    const running = (runningByGroup.get(group) ?? 0) + by;
    if (running === 0) runningByGroup.delete(group);
    else runningByGroup.set(group, running);
  };

  const end = (lease: Lease | undefined) => {
    if (lease !== undefined && leasesBySeq.delete(lease.job.seq)) countRunning(lease.job, -1);
  };

  return {
    join(seat) {
      seatsByConnection.set(seat.connection, seat);
      roomBySeat.set(seat, { offered: 0, reserved: 0 });
    },
    leave(seat) {
      takeOut(seat);
      roomBySeat.delete(seat);
      seatsByConnection.delete(seat.connection);
    },
    seats: () => seatsByConnection.values(),
    seatCount: () => seatsByConnection.size,
    requireSeat(id) {
      const seat = seatsByConnection.get(id) ?? findByWorkerId(seatsByConnection.values(), id);
      if (seat === null) {
        throw new GridError(
          "no-such-worker",
          `No worker "${id}" is connected. /api/workers lists them.`,
        );
      }
      return seat;
    },
    offer(seat, offered) {
      const known = roomBySeat.get(seat);
      if (known === undefined) return;
      known.offered = offered;
      place(seat);
    },
    reserve(seat) {
      const known = roomBySeat.get(seat);
      if (known === undefined) return;
      known.reserved += 1;
      takeOut(seat);
      place(seat);
    },
    unreserve(seat) {
      const known = roomBySeat.get(seat);
      if (known === undefined) return;
      known.reserved -= 1;
      place(seat);
    },
    room,
    drain(workerId) {
      const [oldest] = drainedIds;
      if (drainedIds.size >= workerRecordCountMax && oldest !== undefined) {
        drainedIds.delete(oldest);
      }
      drainedIds.add(workerId);
    },
    undrain: (workerId) => void drainedIds.delete(workerId),
    isDraining: ({ id }) => drainedIds.has(id),
    free: () => freeByType,
    hold(seat, job, { ms, leaseMs }) {
      const expiresMs = leaseMs === null ? null : ms + leaseMs;
      end(leasesBySeq.get(job.seq));
      countRunning(job, 1);
      leasesBySeq.set(job.seq, { seat, job, sinceMs: ms, expiresMs, progress: null });
    },
    drop(seq, attempt) {
      const lease = leasesBySeq.get(seq);
      if (lease?.job.attempt.n === attempt) end(lease);
    },
    lease: (seq) => leasesBySeq.get(seq) ?? null,
    leases: () => leasesBySeq.values(),
    leaseCount: () => leasesBySeq.size,
    runningCount: (group) => runningByGroup.get(group) ?? 0,
  };
}

function findByWorkerId(seats: Iterable<Seat>, id: string): Seat | null {
  for (const seat of seats) if (seat.worker.id === id) return seat;
  return null;
}
