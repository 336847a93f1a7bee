// Builders of what goes into a store: a test states only what matters to it. Jobs as the domain sees them, types
// and workers are built in a-job.ts.

import type { NewContent } from "../../src/domain/blob-ref.ts";
import type { JobEvent } from "../../src/domain/event.ts";
import type { NewJob } from "../../src/domain/job.ts";
import type { WorkerRecord } from "../../src/domain/worker.ts";
import { noOptions, now } from "./a-job.ts";

/** Small bytes that travel with the record. */
export function smallContent(text: string, contentType: string | null = null): NewContent {
  const bytes = new TextEncoder().encode(text);
  return { sha256: sha256Of(text), size: bytes.length, name: "", contentType, inline: bytes };
}

/** Bytes that a blob provider keeps under `name`; the same `text` is the same bytes. */
export function largeContent(name: string, text: string = name): NewContent {
  return { sha256: sha256Of(text), size: 100_000, name, contentType: null, inline: null };
}

/** An id that no other call gave, whose text sorts by the number of the call. */
export function anId(): string {
  idCount += 1;
  return `01900000-0000-7000-8000-${idCount.toString(16).padStart(12, "0")}`;
}
let idCount = 0;

/** A job of the unnamed type with a key of its own. */
export function aNewJob(given: Partial<NewJob> = {}): NewJob {
  const id = anId();
  return {
    id,
    key: `key-${id.slice(-12)}`,
    type: "",
    priority: "batch",
    payload: smallContent("payload"),
    description: null,
    labels: null,
    group: null,
    options: noOptions,
    fromId: null,
    submittedAt: now,
    ...given,
  };
}

export function anEvent(given: Partial<JobEvent> = {}): JobEvent {
  const nobody = { attempt: null, worker: null, reason: null, info: null };
  return { at: now, change: "deleted", status: "done", ...nobody, ...given };
}

export function aWorkerRecord(id: string, given: Partial<WorkerRecord> = {}): WorkerRecord {
  const seen = { firstSeenAt: now, lastSeenAt: now };
  return { id, name: `worker ${id}`, ...seen, doneCount: 0, failedCount: 0, ...given };
}

function sha256Of(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
