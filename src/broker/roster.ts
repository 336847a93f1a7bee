// Who is connected, who has room, who holds which job. Lives in memory only: after a restart it is empty.

import { GridError } from "../domain/errors.ts";
import type { Instant, JobSeq, RunningJob, WorkerRef } from "../domain/job.ts";
import type { WorkerState, WorkerView } from "../domain/worker.ts";
import type { Progress } from "./broker.ts";

/** A job on its way to a worker. `payload` is null for a seat that fetches it; `token` proves the attempt. */
export type Assignment = {
  readonly job: RunningJob;
  readonly payload: Uint8Array | null;
  readonly token: Uint8Array;
};

/** One connected worker as the dispatcher sees it; the door of its protocol stands behind it. */
export type Seat = {
  readonly connection: string;
  readonly worker: WorkerRef;
  readonly type: string;
  readonly address: string;
  readonly connectedAt: Instant;
  readonly protocol: WorkerView["protocol"];
  /** Larger payloads cannot be given to it. */
  readonly payloadBytesMax: number;
  /** Whether it is handed the bytes, or fetches them itself. */
  readonly takesBytes: boolean;
  /** How long it may be silent with a job, or null: then its attempts end with its connection. */
  readonly leaseMs: number | null;
  state(): WorkerState;
  /** Sends the job. False: it could not be sent. */
  give(assignment: Assignment): boolean;
  /** Ends the connection; what it holds is lost. */
  kick(): void;
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
  /** Marks room for one job; seats are given work in the order in which they got room. */
  offer(seat: Seat): void;
  /** Takes the mark away. */
  withdraw(seat: Seat): void;
  /** Seats with room, by the type they serve. */
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

export function createRoster(): Roster {
  const seatsByConnection = new Map<string, Seat>();
  const freeByType = new Map<string, Set<Seat>>();
  const leasesBySeq = new Map<JobSeq, Lease>();
  const runningByGroup = new Map<string, number>();

  const withdraw = (seat: Seat) => {
    const free = freeByType.get(seat.type);
    free?.delete(seat);
    if (free?.size === 0) freeByType.delete(seat.type);
  };

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
    join: (seat) => void seatsByConnection.set(seat.connection, seat),
    leave(seat) {
      withdraw(seat);
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
    offer(seat) {
      if (!seatsByConnection.has(seat.connection)) return;
      const free = freeByType.get(seat.type) ?? new Set();
      freeByType.set(seat.type, free.add(seat));
    },
    withdraw,
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
