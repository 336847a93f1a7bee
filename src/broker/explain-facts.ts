// Gathers what explain() judges by: the job, the jobs before it, and the workers that are there now.

import type { Instant, Job, WorkerRef } from "../domain/job.ts";
import type { JobRef } from "../domain/key.ts";
import { queueCountMax } from "../domain/limits.ts";
import { parseRequirements, requirementsOf } from "../domain/shape.ts";
import type { Clock } from "../platform/clock.ts";
import type { JobStore } from "../store/job-store.ts";
import { has } from "./could-run.ts";
import type { ExplainFacts, Queue } from "./explain.ts";
import type { WorkerFacts } from "./judge-workers.ts";
import { requireJob } from "./read.ts";
import type { Roster, Seat } from "./roster.ts";

export type ExplainDeps = {
  readonly jobs: JobStore;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly dueAt: () => Instant;
  /** Milliseconds for which a worker is still set aside, 0 when it is not. */
  readonly setAsideMs: (worker: WorkerRef) => number;
  readonly isStopping: () => boolean;
};

export async function explainFacts(deps: ExplainDeps, ref: JobRef): Promise<ExplainFacts> {
  const { clock, roster } = deps;
  const job = await requireJob(deps, ref);
  const queue = await queueBefore(deps, job);
  // Nothing is awaited from here on: what is said of workers is true of one instant.
  const at = clock.now();
  const holder = roster.lease(job.seq)?.seat ?? null;
  return {
    job,
    at,
    dueAt: deps.dueAt(),
    isGiving: !deps.isStopping(),
    isHeldByConnected: holder !== null,
    queue,
    groupRunningCount: job.group === null ? 0 : roster.runningCount(job.group),
    workers: seatsOf(roster).map((seat) => toFacts(deps, seat, at)),
  };
}

/** Null when the job is not in the queue: its time has not come, or it is not waiting at all. */
async function queueBefore(deps: ExplainDeps, job: Job): Promise<Queue | null> {
  const at = deps.dueAt();
  if (job.status !== "pending" || job.held || job.readyAt > at) return null;
  const shapes = await shapesBefore(deps, job);
  const ready = await deps.jobs.ready({ shapes, at, limit: queueCountMax });
  const index = ready.findIndex(({ seq }) => seq === job.seq);
  if (index >= 0) return { before: index, isCapped: false };
  return ready.length < queueCountMax ? null : { before: ready.length, isCapped: true };
}

/** Without those whose groups are full, or that no worker has enough for: they stand before it and are passed over. */
async function shapesBefore({ jobs, roster }: ExplainDeps, job: Job) {
  const own = requirementsOf(job);
  const shapes = await jobs.shapes([job.type]);
  const seats = seatsOf(roster).filter(({ types }) => types.includes(job.type));
  const open = shapes.filter(({ requires }) => {
    if (requires === own) return true;
    const { groupLimit, needs } = parseRequirements(requires);
    if (needs !== null && !seats.some((seat) => has(seat, needs))) return false;
    if (groupLimit === null) return true;
    return roster.runningCount(groupLimit.group) < groupLimit.runningMax;
  });
  return open.map((shape) => ({ ...shape, limit: queueCountMax }));
}

/** Workers that pull have a seat of their own only while they wait: those at work are known by what they hold. */
function seatsOf(roster: Roster): readonly Seat[] {
  const holding = [...roster.leases()].flatMap(({ seat }) => seat ?? []);
  return [...new Set([...roster.seats(), ...holding])];
}

function toFacts({ setAsideMs, roster }: ExplainDeps, seat: Seat, at: Instant): WorkerFacts {
  const { connection, worker, types, payloadBytesMax } = seat;
  const leftMs = setAsideMs(worker);
  const setAsideUntil = leftMs > 0 ? at + Math.ceil(leftMs) : null;
  return {
    connection,
    worker,
    types,
    state: seat.state(),
    isDraining: roster.isDraining(worker) || seat.state() === "draining",
    setAsideUntil,
    payloadBytesMax,
    offers: seat.offers,
    held: roster.held(seat),
  };
}
