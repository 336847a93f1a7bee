// Jobs in plain maps: the same observable behaviour as the other providers, kept small enough to be seen right.
// For tests, simulations and servers that may forget everything. Nothing here survives the process.

import { assert } from "../../domain/assert.ts";
import { GridError } from "../../domain/errors.ts";
import type { JobEvent, StoredEvent } from "../../domain/event.ts";
import {
  statuses,
  type Attempt,
  type Instant,
  type Job,
  type JobSeq,
  type NewJob,
} from "../../domain/job.ts";
import type { JobRef } from "../../domain/key.ts";
import { workerRecordCountMax } from "../../domain/limits.ts";
import type { WorkerRecord } from "../../domain/worker.ts";
import type {
  Added,
  Change,
  GroupCount,
  JobStore,
  Page,
  PageQuery,
  Removal,
  Removed,
  Saved,
  TypeCount,
} from "../job-store.ts";
import { freshJob } from "../fresh-job.ts";
import { fits } from "./job-filter.ts";
import { createMemoryContents } from "./memory-contents.ts";
import { forgettable, settledOf } from "./memory-retention.ts";
import { createMemoryWaiting } from "./memory-waiting.ts";

type TypePage = { batch: number; batchCount: number };

export function createMemoryJobStore(options: { readonly batchSize: number }): JobStore {
  const jobsBySeq = new Map<JobSeq, Job>();
  const waiting = createMemoryWaiting();
  const seqsById = new Map<string, JobSeq>();
  const seqsByKey = new Map<string, JobSeq>();
  const pagesByType = new Map<string, TypePage>();
  const attemptsBySeq = new Map<JobSeq, readonly Attempt[]>();
  const logsBySeq = new Map<JobSeq, { readonly attempt: number; readonly text: string }[]>();
  const workersById = new Map<string, WorkerRecord>();
  const settings = new Map<string, string>();
  const contents = createMemoryContents();
  let events: StoredEvent[] = [];
  let lastSeq = 0;
  let lastEvent = 0;
  let isClosed = false;

  function put(job: Job): void {
    jobsBySeq.set(job.seq, job);
    waiting.put(job);
  }

  function record({ seq: job, id, key, type, ...facts }: Job, event: JobEvent): void {
    lastEvent += 1;
    const group = event.change === "deleted" ? null : facts.group;
    events.push({ seq: lastEvent, job, id, key, type, group, ...event });
  }

  function pageOf(type: string): TypePage {
    const page = pagesByType.get(type) ?? { batch: 0, batchCount: 0 };
    pagesByType.set(type, page);
    return page;
  }

  function add(job: NewJob): Added {
    const page = pageOf(job.type);
    if (seqsByKey.has(job.key) || seqsById.has(job.id)) return { kind: "key-taken" };
    const seq = (lastSeq += 1);
    const { content, spare } = contents.use(job.payload, seq);
    const { batch } = page;
    page.batchCount += 1;
    if (page.batchCount >= options.batchSize) {
      page.batch += 1;
      page.batchCount = 0;
    }
    const submitted = freshJob({ ...job, seq, batch, payload: content });
    seqsById.set(job.id, seq);
    seqsByKey.set(job.key, seq);
    put(submitted);
    record(submitted, submittedEvent(job.submittedAt));
    return { kind: "added", seq, batch, spare };
  }

  function save({ from, job, event, attempt, result, successor, logs }: Change): Saved {
    if (jobsBySeq.get(job.seq)?.revision !== from) return { kind: "conflict" };
    const used = result === null ? null : contents.use(result, job.seq);
    const isDone = job.status === "done" && used !== null;
    put(isDone ? { ...job, result: used.content } : job);
    record(job, event);
    if (attempt !== null) {
      attemptsBySeq.set(job.seq, [...(attemptsBySeq.get(job.seq) ?? []), attempt]);
    }
    if (logs !== null) {
      const about = { attempt: event.attempt ?? 0, text: logs };
      logsBySeq.set(job.seq, [...(logsBySeq.get(job.seq) ?? []), about]);
    }
    const spare = used?.spare ?? null;
    if (successor === null) return { kind: "saved", spare, successor: null };
    assert(used !== null, "a successor continues with a result");
    const payload = { ...used.content, contentType: successor.payload.contentType, inline: null };
    const key = seqsByKey.has(successor.key) ? successor.id : successor.key;
    const added = add({ ...successor, key, payload });
    assert(added.kind === "added", "a successor has an id that was never used");
    return { kind: "saved", spare, successor: added.seq };
  }

  function remove({ from, seq, event }: Removal): Removed {
    const job = jobsBySeq.get(seq);
    if (job?.revision !== from) return { kind: "conflict" };
    jobsBySeq.delete(seq);
    waiting.remove(seq);
    logsBySeq.delete(seq);
    attemptsBySeq.delete(seq);
    seqsById.delete(job.id);
    seqsByKey.delete(job.key);
    events = events.filter((past) => past.job !== seq);
    record(job, event);
    const names = [job.payload.name, ...(job.status === "done" ? [job.result.name] : [])];
    const freed = names.map((name) => contents.release(name, seq)).filter((name) => name !== null);
    return { kind: "removed", freed };
  }

  function find(ref: JobRef): Job | null {
    if (ref.by === "seq") return jobsBySeq.get(ref.seq) ?? null;
    const seq = ref.by === "id" ? seqsById.get(ref.id) : seqsByKey.get(ref.key);
    return seq === undefined ? null : (jobsBySeq.get(seq) ?? null);
  }

  function list({ filter, order, limit, after }: PageQuery): Page<Job> {
    const direction = order === "newest" ? -1 : 1;
    const found = [...jobsBySeq.values()]
      .filter((job) => fits(job, filter))
      .filter((job) => after === null || (job.seq - after) * direction > 0)
      .sort((a, b) => (a.seq - b.seq) * direction);
    const items = found.slice(0, limit);
    return { items, next: found.length > limit ? (items.at(-1)?.seq ?? null) : null };
  }

  function countOf(type: string, status: Job["status"]): number {
    return [...jobsBySeq.values()].filter((job) => fits(job, { type, status })).length;
  }

  const typeNames = () => [...pagesByType.keys()].sort();

  function counts(): readonly TypeCount[] {
    return typeNames()
      .flatMap((type) => statuses.map((status) => ({ type, status, count: countOf(type, status) })))
      .filter(({ count }) => count > 0);
  }

  function countGroup(name: string): GroupCount | null {
    const jobs = [...jobsBySeq.values()].filter((job) => job.group === name);
    const [first] = jobs;
    if (first === undefined) return null;
    const byStatus = { pending: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
    for (const { status } of jobs) byStatus[status] += 1;
    const { submittedAt: lastSubmittedAt } = jobs.at(-1) ?? first;
    return { counts: byStatus, firstSubmittedAt: first.submittedAt, lastSubmittedAt };
  }

  function noteWorkers(records: readonly WorkerRecord[]): void {
    for (const worker of records) workersById.set(worker.id, worker);
    const excess = workersById.size - workerRecordCountMax;
    if (excess <= 0) return;
    const oldest = [...workersById.values()].sort(bySeen).slice(0, excess);
    for (const { id } of oldest) workersById.delete(id);
  }

  /** Runs a verb now and answers in a promise, as the other providers do. */
  async function now<Answer>(verb: () => Answer): Promise<Answer> {
    if (isClosed) throw new GridError("shutting-down", "The store is closed.");
    return verb();
  }

  return {
    add: (jobs) => now(() => jobs.map(add)),
    find: (ref) => now(() => find(ref)),
    save: (changes) => now(() => changes.map(save)),
    saveSoon: async (change, onDurable) => {
      const saved = await now(() => save(change));
      onDurable();
      return saved;
    },
    remove: (removals) => now(() => removals.map(remove)),
    shapes: (types) => now(() => waiting.shapes(types)),
    ready: (query) => now(() => waiting.ready(query)),
    due: (at, limit) => now(() => waiting.due(at, limit)),
    nextDue: (at) => now(() => waiting.nextDue(at)),
    list: (query) => now(() => list(query)),
    count: (filter) => now(() => [...jobsBySeq.values()].filter((job) => fits(job, filter)).length),
    counts: () => now(counts),
    group: (name) => now(() => countGroup(name)),
    isBatchFull: (type, batch) => now(() => batch < (pagesByType.get(type)?.batch ?? 0)),
    history: (seq) => now(() => events.filter((event) => event.job === seq)),
    attempt: (seq, n) => now(() => attemptsBySeq.get(seq)?.find((one) => one.n === n) ?? null),
    logs: (seq) => now(() => logsBySeq.get(seq) ?? []),
    lastEventSeq: () => now(() => lastEvent),
    events: (after, limit) =>
      now(() => events.filter((event) => event.seq > after).slice(0, limit)),
    inline: (content) => now(() => contents.inline(content)),
    settled: (after, limit) => now(() => settledOf(jobsBySeq.values(), events, after, limit)),
    bytesKept: () => now(contents.bytesKept),
    forgetEvents: (which) =>
      now(() => {
        const due = forgettable(events, lastEvent, which);
        events = events.filter(({ seq }) => !due.includes(seq));
        return { count: due.length, last: due.at(-1) ?? null };
      }),
    usesBlob: (name) => now(() => contents.uses(name)),
    types: () =>
      now(() =>
        typeNames().map((name) => {
          return { name, unsettled: countOf(name, "pending") + countOf(name, "running") };
        }),
      ),
    declareTypes: (names) => now(() => names.forEach(pageOf)),
    noteWorkers: (records) => now(() => noteWorkers(records)),
    worker: (id) => now(() => workersById.get(id) ?? null),
    setting: (name) => now(() => settings.get(name) ?? null),
    setSetting: (name, value) => now(() => void settings.set(name, value)),
    close: async () => {
      isClosed = true;
    },
  };
}

function submittedEvent(at: Instant): JobEvent {
  const nothing = { attempt: null, worker: null, reason: null, info: null };
  return { at, change: "submitted", status: "pending", ...nothing };
}

function bySeen(a: WorkerRecord, b: WorkerRecord): number {
  return a.lastSeenAt - b.lastSeenAt || (a.id < b.id ? -1 : 1);
}
