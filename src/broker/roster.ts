// Who is connected, who has room, who holds which job. Lives in memory only: after a restart it is empty.

import { GridError } from "../domain/errors.ts";
import { workerRecordCountMax } from "../domain/limits.ts";
import type { Instant, JobSeq, RunningJob, WorkerRef } from "../domain/job.ts";
import { needsOf, nothingTaken, type Amounts } from "../domain/requirements.ts";
import type { Offers, Vitals, WorkerMachine, WorkerState, WorkerView } from "../domain/worker.ts";
import type { Progress } from "./broker.ts";

/** A job on its way to a worker. `payload` is null where the worker fetches it; `token` proves the attempt. */
export type Assignment = {
  readonly job: RunningJob;
  readonly payload: Uint8Array | null;
  readonly token: Uint8Array;
};

/** The signs of life of one worker, shared by all that it holds. */
export type Life = {
  /** By the monotonic clock, when it gave the last one. */
  heardMs: number;
  isConnected: boolean;
};

/**
 * What is known of an attempt in its holder's hands. `sent`: not even that it arrived. `unknown`: the server was
 * restarted since.
 */
export type Stage = "sent" | "waiting" | "running" | "unknown";

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
  /** Null where nothing but the lease, or the connection, tells whether it is alive. */
  readonly life: Life | null;
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
  sinceMs: number;
  /** By the same clock, when it is lost unless renewed; null while a connection or a life stands for it. */
  expiresMs: number | null;
  /** Whose silence ends it, by the rule in worker-leases.ts; null of another kind of lease. */
  readonly life: Life | null;
  stage: Stage;
  /** How long it ran before `sinceMs`, in a former run of the server. */
  readonly ranBeforeMs: number;
  progress: Progress | null;
};

/** How an attempt is held. What is left out is as with a job that has just been claimed for the seat. */
export type Holding = {
  readonly ms: number;
  readonly leaseMs: number | null;
  readonly life?: Life;
  readonly stage?: Stage;
  readonly ranBeforeMs?: number;
  readonly progress?: Progress | null;
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
  /** What a connected seat holds now: true until something is given to it or comes back. */
  held(seat: Seat): Held;
  /** From here on nothing is claimed for a worker of this id, also when it comes back; or it is again. */
  drain(workerId: string): void;
  undrain(workerId: string): void;
  isDraining(worker: WorkerRef): boolean;
  /** Seats with room, by the types they serve. */
  free(): ReadonlyMap<string, ReadonlySet<Seat>>;
  hold(seat: Seat | null, job: RunningJob, since: Holding): void;
  /** Ends the lease of this attempt, if it is still held. */
  drop(seq: JobSeq, attempt: number): void;
  lease(seq: JobSeq): Lease | null;
  leases(): Iterable<Lease>;
  /** Those of a worker that is not connected, and may come back with them. */
  detached(workerId: string): readonly Lease[];
  leaseCount(): number;
  /** How many leases are of jobs of this group. */
  runningCount(group: string): number;
};

/** The jobs in a worker's hands, as leases have them, and what of it they require together. */
export type Held = Amounts & { readonly count: number };

/** `reserved`: of the room that was offered, what claims that are being written take. */
type Room = { offered: number; reserved: number; held: Mutable<Held> };

type Mutable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

const nothingHeld: Held = { ...nothingTaken, count: 0 };

export function createRoster(): Roster {
  const seatsByConnection = new Map<string, Seat>();
  const freeByType = new Map<string, Set<Seat>>();
  const leasesBySeq = new Map<JobSeq, Lease>();
  const runningByGroup = new Map<string, number>();

  const detachedByWorker = new Map<string, Set<Lease>>();
  const drainedIds = new Set<string>();
  const roomBySeat = new Map<Seat, Room>();

  const room = (seat: Seat) => {
    const known = roomBySeat.get(seat);
    return known === undefined ? 0 : known.offered - known.reserved;
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

  /** Of a seat that has left nothing is counted: what it held is with nobody, or with its next seat. */
  const countHeld = (seat: Seat | null, { options }: RunningJob, by: 1 | -1) => {
    const known = seat === null ? undefined : roomBySeat.get(seat);
    if (known === undefined) return;
    const { held } = known;
    held.count += by;
    if (options.requires === null) return;
    const { milliCpus, memoryBytes, gpus } = needsOf(options.requires);
    held.milliCpus += by * milliCpus;
    held.memoryBytes += by * memoryBytes;
    held.gpus += by * gpus;
  };
  const countRunning = ({ group }: RunningJob, by: 1 | -1) => {
    if (group === null) return;
    const running = (runningByGroup.get(group) ?? 0) + by;
    if (running === 0) runningByGroup.delete(group);
    else runningByGroup.set(group, running);
  };

  const end = (lease: Lease | undefined) => {
    if (lease === undefined || !leasesBySeq.delete(lease.job.seq)) return;
    countRunning(lease.job, -1);
    countHeld(lease.seat, lease.job, -1);
    if (!isDetached(lease)) return;
    const { id } = lease.job.attempt.worker;
    const others = detachedByWorker.get(id);
    others?.delete(lease);
    if (others?.size === 0) detachedByWorker.delete(id);
  };
  const noteDetached = (lease: Lease) => {
    const { id } = lease.job.attempt.worker;
    const others = detachedByWorker.get(id);
    if (others === undefined) detachedByWorker.set(id, new Set([lease]));
    else others.add(lease);
  };

  return {
    join(seat) {
      seatsByConnection.set(seat.connection, seat);
      roomBySeat.set(seat, { offered: 0, reserved: 0, held: { ...nothingHeld } });
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
    held: (seat) => roomBySeat.get(seat)?.held ?? nothingHeld,
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
    hold(seat, job, { ms, leaseMs, ...how }) {
      end(leasesBySeq.get(job.seq));
      countRunning(job, 1);
      countHeld(seat, job, 1);
      const life = how.life ?? seat?.life ?? null;
      const lease: Lease = {
        seat,
        job,
        sinceMs: ms,
        expiresMs: leaseMs === null || life !== null ? null : ms + leaseMs,
        life,
        stage: how.stage ?? "sent",
        ranBeforeMs: how.ranBeforeMs ?? 0,
        progress: how.progress ?? null,
      };
      leasesBySeq.set(job.seq, lease);
      if (isDetached(lease)) noteDetached(lease);
    },
    drop(seq, attempt) {
      const lease = leasesBySeq.get(seq);
      if (lease?.job.attempt.n === attempt) end(lease);
    },
    lease: (seq) => leasesBySeq.get(seq) ?? null,
    leases: () => leasesBySeq.values(),
    detached: (workerId) => [...(detachedByWorker.get(workerId) ?? [])],
    leaseCount: () => leasesBySeq.size,
    runningCount: (group) => runningByGroup.get(group) ?? 0,
  };
}

function isDetached({ seat, life }: Lease): boolean {
  return seat === null && life !== null;
}

function findByWorkerId(seats: Iterable<Seat>, id: string): Seat | null {
  for (const seat of seats) if (seat.worker.id === id) return seat;
  return null;
}
