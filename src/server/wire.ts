// Turns what the broker knows into the shapes that travel. No rules: every fact is copied, absent ones are null.

import { isSettled, type Instant, type Job, type Status } from "../domain/job.ts";
import type { Content } from "../domain/blob-ref.ts";
import type { Json } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import type { Offers, Vitals, WorkerView } from "../domain/worker.ts";
import type { ManyDone } from "../broker/act-on-many.ts";
import type { GroupView } from "../broker/many-jobs.ts";
import type { JobView, Stats } from "../broker/broker.ts";
import type {
  OriginalJob,
  WireContent,
  WireGroup,
  WireInstant,
  WireJob,
  WireManyDone,
  WireStats,
  WireType,
  WireWorker,
} from "../protocol/http-api.ts";
import { toWireInstant } from "./instants.ts";

export function toWireJob(job: JobView): WireJob {
  return {
    id: job.id,
    seq: job.seq,
    key: job.key,
    type: toTypeName(job.type),
    status: job.status,
    priority: job.priority,
    description: job.description,
    group: job.group,
    group_running_max: job.options.groupRunningMax,
    labels: job.labels === null ? null : (JSON.parse(job.labels) as { [name: string]: Json }), // Checked on its way in.
    batch: job.batch,
    from_id: job.fromId,
    next_ids: job.nextIds,
    payload: toWireContent(job.payload),
    result: job.status === "done" ? toWireContent(job.result) : null,
    submitted: toWireInstant(job.submittedAt),
    started: instantOrNull(job.attempt?.startedAt ?? null),
    ended: endedAt(job),
    attempts: job.attempt?.n ?? 0,
    failures: job.failures,
    worker:
      job.attempt === null ? null : { id: job.attempt.worker.id, name: job.attempt.worker.name },
    progress: job.progress,
    info: job.info,
    error: null,
    reason: job.status === "failed" ? job.reason : null,
    not_before: instantOrNull(job.options.notBefore),
    requires: job.options.requires,
  };
}

const originalStatuses = {
  pending: 0,
  running: 1,
  done: 2,
  failed: 3,
  cancelled: 3, // The original knew no cancelling: what will never be done has failed.
} as const satisfies Record<Status, number>;

export function toOriginalJob(job: JobView): OriginalJob {
  return {
    id: job.id,
    status: originalStatuses[job.status],
    key: job.key,
    display: job.description ?? job.key,
    priority: job.priority === "immediate" ? 1 : 0,
    submitted: toWireInstant(job.submittedAt),
    started: instantOrNull(job.attempt?.startedAt ?? null),
    ended: endedAt(job),
    workerId: job.attempt?.worker.id ?? null,
  };
}

export function toWireType(type: JobType): WireType {
  return {
    name: toTypeName(type.name),
    description: type.description,
    result_becomes: type.resultBecomes,
    timeout_s: type.timeoutMs === null ? null : type.timeoutMs / 1000,
    max_attempts: type.maxAttempts,
    max_crashes: type.maxCrashes,
    resume_grace_s: type.resumeGraceMs / 1000,
    payload_bytes_max: type.payloadBytesMax,
  };
}

export function toWireWorker(worker: WorkerView): WireWorker {
  return {
    connection: worker.connection,
    id: worker.id,
    name: worker.name,
    state: worker.state,
    protocol: worker.protocol,
    type: toTypeName(worker.types[0] ?? ""),
    types: worker.types.filter((type) => type !== ""),
    slots: worker.slots,
    resources: worker.offers === null ? null : toWireOffers(worker.offers),
    vitals: worker.vitals === null ? null : toWireVitals(worker.vitals),
    machine: worker.machine,
    address: worker.address,
    connected: toWireInstant(worker.connectedAt),
    first_seen: toWireInstant(worker.firstSeenAt),
    last_seen: toWireInstant(worker.lastSeenAt),
    done_count: worker.doneCount,
    failed_count: worker.failedCount,
    jobs: worker.jobs.map(({ seq, attempt }) => ({ seq, attempt })),
  };
}

function toWireOffers({ cpus, memoryBytes, gpus, tags }: Offers) {
  return { cpus, memory_bytes: memoryBytes, gpus, tags };
}

function toWireVitals({ load, cpu, memoryBytes, memoryUsedBytes }: Vitals) {
  return { load, cpu, memory_bytes: memoryBytes, memory_used_bytes: memoryUsedBytes };
}

export function toWireGroup(group: GroupView): WireGroup {
  const { pending, running, done, failed, cancelled } = group.counts;
  return {
    group: group.group,
    total: pending + running + done + failed + cancelled,
    jobs: { pending, running, done, failed, cancelled },
    first_submitted: toWireInstant(group.firstSubmittedAt),
    last_submitted: toWireInstant(group.lastSubmittedAt),
    done_rate: group.doneRate,
    estimated_end: instantOrNull(group.estimatedEndAt),
  };
}

export function toWireManyDone({ matched, changed, refused, next }: ManyDone): WireManyDone {
  const cursor = next === null ? null : `${next.after ?? 0}-${next.until}`;
  return { matched, changed, refused, more: next !== null, cursor };
}

export function toWireStats(
  stats: Stats,
  about: Pick<WireStats, "version" | "accepting">,
): WireStats {
  return {
    ...about,
    incarnation: stats.incarnation,
    durability: stats.durability,
    jobs: stats.jobs.map(({ type, status, count }) => ({ type: toTypeName(type), status, count })),
    workers: stats.workers,
    done_rate: stats.doneRate,
    repairs: stats.repairs,
    disk: stats.disk === null ? null : toWireDisk(stats.disk),
  };
}

function toWireDisk({
  level,
  freeBytes,
  sizeBytes,
}: NonNullable<Stats["disk"]>): WireStats["disk"] {
  return { level, free_bytes: freeBytes, size_bytes: sizeBytes };
}

/** The one unnamed type of a server without types has no name to show. */
export function toTypeName(name: string): string | null {
  return name === "" ? null : name;
}

function toWireContent({ sha256, size, contentType }: Content): WireContent {
  return { sha256, size, content_type: contentType };
}

function endedAt(job: Job): WireInstant | null {
  return isSettled(job) ? toWireInstant(job.changedAt) : null;
}

function instantOrNull(at: Instant | null): WireInstant | null {
  return at === null ? null : toWireInstant(at);
}
