// Seats without a door behind them, and what the dispatcher would give them: its judgement alone, round by round.

import { findPairs, type FindDeps } from "../../src/broker/find-pairs.ts";
import { createRoster, type Seat } from "../../src/broker/roster.ts";
import type { JobSeq } from "../../src/domain/job.ts";
import type { Placement } from "../../src/domain/placement.ts";
import type { Offers, Vitals } from "../../src/domain/worker.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";
import { noOptions } from "./a-job.ts";
import { aNewJob } from "./builders.ts";
import { addJob, claimBy, putStep, requireJob } from "./store-steps.ts";
import { createVirtualClock } from "./virtual-clock.ts";

export type GivenSeat = Partial<Pick<Seat, "types" | "slots" | "protocol" | "payloadBytesMax">> & {
  readonly offers?: Partial<Offers> | null;
  readonly vitals?: Partial<Vitals>;
};

/** A connected v2 worker under this id that offers nothing unless it says so. */
export function aSeat(id: string, { offers, vitals, ...given }: GivenSeat = {}): Seat {
  const silent: Offers = { cpus: null, memoryBytes: null, gpus: 0, tags: [] };
  const quiet: Vitals = { load: null, cpu: [], memoryBytes: null, memoryUsedBytes: null };
  return {
    connection: `connection of ${id}`,
    worker: { id, name: id },
    types: [""],
    slots: 1,
    offers: offers === null ? null : { ...silent, ...offers },
    machine: null,
    address: "",
    connectedAt: 0,
    protocol: "v2",
    payloadBytesMax: Number.MAX_SAFE_INTEGER,
    takesBytes: () => true,
    leaseMs: null,
    life: null,
    state: () => "ready",
    vitals: () => (vitals === undefined ? null : { ...quiet, ...vitals }),
    give: () => true,
    kick() {},
    tellDraining() {},
    ...given,
  };
}

export type Hall = {
  readonly jobs: JobStore;
  readonly deps: FindDeps;
  /** What the store was asked for: calls, and jobs that it answered with. */
  readonly asked: { calls: number; rows: number };
  /** Connects a seat with room for so many jobs, its slots unless said. */
  sit(seat: Seat, room?: number): Seat;
  add(key: string, requires?: string | null): Promise<JobSeq>;
  /** One round, its claims carried out: `key>worker` for each, in their order. */
  round(): Promise<readonly string[]>;
  /** The job ends; its seat has room for another. */
  end(key: string): Promise<void>;
};

export function aHall(placement: Placement = "least-loaded"): Hall {
  const memory = createMemoryJobStore({ batchSize: 1000 });
  const clock = createVirtualClock();
  const roster = createRoster();
  const asked = { calls: 0, rows: 0 };
  const roomBySeat = new Map<Seat, number>();
  const jobs: JobStore = {
    ...memory,
    async ready(query) {
      const found = await memory.ready(query);
      asked.calls += 1;
      asked.rows += found.length;
      return found;
    },
  };
  const deps = { roster, jobs, clock, placement, isTrusted: () => true, dueAt: () => clock.now() };
  const offer = (seat: Seat, by: number) => {
    const room = (roomBySeat.get(seat) ?? 0) + by;
    roomBySeat.set(seat, room);
    roster.offer(seat, room);
  };

  return {
    jobs,
    deps,
    asked,
    sit(seat, room = seat.slots) {
      roster.join(seat);
      offer(seat, room);
      return seat;
    },
    add: (key, requires = null) =>
      addJob(jobs, aNewJob({ key, options: { ...noOptions, requires } })),
    async round() {
      const pairs = await findPairs(deps);
      for (const { job, seat } of pairs) {
        roster.reserve(seat);
        await putStep(jobs, job.seq, claimBy(seat.worker.id, clock.now()));
        const running = await requireJob(jobs, job.seq);
        if (running.status !== "running") throw new Error(`${job.key} does not run.`);
        roster.hold(seat, running, { ms: 0, leaseMs: null });
        roster.unreserve(seat);
        offer(seat, -1);
      }
      return pairs.map(({ job, seat }) => `${job.key}>${seat.worker.id}`);
    },
    async end(key) {
      const job = await jobs.find({ by: "key", key });
      const lease = job === null ? null : roster.lease(job.seq);
      if (lease?.seat == null) throw new Error(`Nobody holds ${key}.`);
      await putStep(jobs, lease.job.seq, { do: "cancel", at: clock.now(), info: null });
      roster.drop(lease.job.seq, lease.job.attempt.n);
      offer(lease.seat, 1);
    },
  };
}
