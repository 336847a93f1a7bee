// The jobs that wait, sorted into their shapes: shapes that nobody asks for cost a search nothing, as in the other
// providers. What is ready is found by looking at each job of the shapes that were asked for.

import type { Instant, Job, JobSeq } from "../../domain/job.ts";
import { requirementsOf, type Shape } from "../../domain/shape.ts";
import { isPastDeadline } from "../../domain/transition.ts";
import type { ReadyQuery } from "../job-store.ts";

export type MemoryWaiting = {
  /** Takes up the job as it now is: kept while it is pending. */
  put(job: Job): void;
  remove(seq: JobSeq): void;
  shapes(types: readonly string[]): readonly Shape[];
  ready(query: ReadyQuery): readonly Job[];
  due(at: Instant, limit: number): readonly Job[];
  nextDue(at: Instant): Instant | null;
};

type Waiting = Extract<Job, { status: "pending" }>;
type Shelf = Map<JobSeq, Waiting>;

export function createMemoryWaiting(): MemoryWaiting {
  const waitingBySeq: Shelf = new Map();
  const shelvesByType = new Map<string, Map<string, Shelf>>();

  function shelfOf(job: Job): Shelf {
    const shelves = shelvesByType.get(job.type) ?? new Map<string, Shelf>();
    shelvesByType.set(job.type, shelves);
    const requires = requirementsOf(job);
    const shelf = shelves.get(requires) ?? new Map<JobSeq, Waiting>();
    shelves.set(requires, shelf);
    return shelf;
  }

  function remove(seq: JobSeq): void {
    const job = waitingBySeq.get(seq);
    if (job === undefined) return;
    waitingBySeq.delete(seq);
    const shelf = shelfOf(job);
    shelf.delete(seq);
    if (shelf.size === 0) shelvesByType.get(job.type)?.delete(requirementsOf(job));
  }

  function put(job: Job): void {
    remove(job.seq);
    if (job.status !== "pending") return;
    waitingBySeq.set(job.seq, job);
    shelfOf(job).set(job.seq, job);
  }

  function readyOf({ type, requires, limit }: ReadyQuery["shapes"][number], at: Instant): Job[] {
    const shelf = shelvesByType.get(type)?.get(requires) ?? new Map<JobSeq, Waiting>();
    return [...shelf.values()]
      .filter((job) => !job.held && job.readyAt <= at && !isPastDeadline(job, at))
      .sort(inOrder)
      .slice(0, limit);
  }

  function ready({ shapes, at, limit }: ReadyQuery): readonly Job[] {
    const found = shapes.flatMap((shape) => readyOf(shape, at)).sort(inOrder);
    const countByType = new Map<string, number>();
    return found.filter(({ type }) => {
      const count = (countByType.get(type) ?? 0) + 1;
      countByType.set(type, count);
      return count <= limit;
    });
  }

  function due(at: Instant, limit: number): readonly Job[] {
    return [...waitingBySeq.values()]
      .filter((job) => isPastDeadline(job, at))
      .sort((a, b) => deadlineOf(a) - deadlineOf(b) || a.seq - b.seq)
      .slice(0, limit);
  }

  function nextDue(at: Instant): Instant | null {
    let next = Infinity;
    for (const job of waitingBySeq.values()) {
      if (!job.held && job.readyAt > at) next = Math.min(next, job.readyAt);
      if (deadlineOf(job) > at) next = Math.min(next, deadlineOf(job));
    }
    return next === Infinity ? null : next;
  }

  return {
    put,
    remove,
    shapes: (types) =>
      types.flatMap((type) =>
        [...(shelvesByType.get(type)?.keys() ?? [])].map((requires) => ({ type, requires })),
      ),
    ready,
    due,
    nextDue,
  };
}

function deadlineOf(job: Job): Instant {
  return job.options.deadline ?? Infinity;
}

/** The order to give out: immediate before batch, then fewest failures, then oldest. */
function inOrder(a: Job, b: Job): number {
  const byClass = Number(a.priority === "batch") - Number(b.priority === "batch");
  return byClass || a.penalty - b.penalty || a.seq - b.seq;
}
