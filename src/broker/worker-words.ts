// What a hello says of a worker, as the roster keeps it, and a job as it is told to a worker. No rules.

import type { RunningJob, WorkerRef } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import { killAfterMsDefault, machineWordCharactersMax } from "../domain/limits.ts";
import type { Offers, Vitals, WorkerMachine } from "../domain/worker.ts";
import type {
  ServerSays,
  WorkerHello,
  WorkerResources,
  WorkerVitals,
} from "../protocol/worker-messages.ts";
import { timeLimitMs } from "./rescue.ts";

export function toWorkerRef({ worker_id, name }: WorkerHello): WorkerRef {
  const id = worker_id.toWellFormed();
  return { id, name: name === "" ? "unnamed" : name.toWellFormed() };
}

export function toOffers({ cpus, memory_bytes, gpus, tags }: WorkerResources): Offers {
  return {
    cpus: cpus ?? null,
    memoryBytes: memory_bytes ?? null,
    gpus: gpus ?? 0,
    tags: (tags ?? []).map((tag) => tag.toWellFormed()),
  };
}

export function toMachine({ os, arch, agent }: WorkerHello): WorkerMachine {
  return { os: toWord(os), arch: toWord(arch), agent: toWord(agent) };
}

export function toVitals(said: WorkerVitals): Vitals {
  return {
    load: said.load ?? null,
    cpu: said.cpu ?? [],
    memoryBytes: said.memory_bytes ?? null,
    memoryUsedBytes: said.memory_used_bytes ?? null,
  };
}

/** Where large bytes of an attempt are, resolved against the address of the socket: right behind any proxy. */
function payloadUrl({ id, attempt }: RunningJob): string {
  return `work/${id}/${attempt.n}/payload`;
}

export function toJobMessage(
  job: RunningJob,
  token: Uint8Array,
  { type, isFetched }: { readonly type: JobType; readonly isFetched: boolean },
): Extract<ServerSays, { op: "job" }> {
  const { payload, description, labels } = job;
  const { requires } = job.options;
  const limitMs = timeLimitMs(job, type);
  return {
    op: "job",
    job: job.id,
    attempt: job.attempt.n,
    token: token.toHex(),
    key: job.key,
    type: job.type,
    priority: job.priority,
    size: payload.size,
    sha256: payload.sha256,
    ...(payload.contentType !== null && { content_type: payload.contentType }),
    ...(description !== null && { description }),
    ...(labels !== null && { labels: JSON.parse(labels) as { [name: string]: unknown } }), // Checked on its way in.
    ...(requires !== null && { requires }),
    ...(limitMs !== null && { timeout_ms: limitMs }),
    kill_after_ms: killAfterMsDefault,
    ...(isFetched && { url: payloadUrl(job) }),
  };
}

function toWord(said: string | undefined): string | null {
  return said === undefined ? null : said.slice(0, machineWordCharactersMax).toWellFormed();
}
