// The shapes that the HTTP API answers with. Names are snake_case, instants ISO 8601 UTC with milliseconds,
// absent facts null. Fields are added, never changed; whoever reads them ignores those it does not know.

import type { ChangeName } from "../domain/event.ts";
import type { Json } from "../domain/errors.ts";
import type { FailReason, Priority, Status } from "../domain/job.ts";
import type { WorkerState } from "../domain/worker.ts";

/** ISO 8601 UTC with milliseconds, like `2026-01-31T12:00:00.000Z`. */
export type WireInstant = string;

export type WireContent = {
  readonly sha256: string;
  readonly size: number;
  readonly content_type: string | null;
};

export type WireWorkerRef = { readonly id: string; readonly name: string };

export type WireProgress = { readonly percent: number | null; readonly info: string | null };

export type WireJob = {
  readonly id: string;
  /** The short number that people type. */
  readonly seq: number;
  readonly key: string;
  /** Null on a server without types. */
  readonly type: string | null;
  readonly status: Status;
  readonly priority: Priority;
  readonly description: string | null;
  readonly group: string | null;
  /** It starts only while fewer jobs of its group run. */
  readonly group_running_max: number | null;
  readonly labels: { readonly [name: string]: Json } | null;
  readonly batch: number;
  /** The job whose result is this one's payload. */
  readonly from_id: string | null;
  /** The jobs whose payload is this one's result. */
  readonly next_ids: readonly string[];
  readonly payload: WireContent;
  readonly result: WireContent | null;
  readonly submitted: WireInstant;
  /** Start of the newest attempt. */
  readonly started: WireInstant | null;
  /** When it was settled. */
  readonly ended: WireInstant | null;
  /** Number of the newest attempt; 0 before the first. */
  readonly attempts: number;
  /** Charged failures since the last retry by an operator. */
  readonly failures: number;
  /** Of the newest attempt. */
  readonly worker: WireWorkerRef | null;
  readonly progress: WireProgress | null;
  readonly info: string | null;
  readonly error: Json;
  readonly reason: FailReason | null;
  readonly not_before: WireInstant | null;
  readonly requires: string | null;
};

/** A job as the original GridLike showed it, for its clients: `view=original`. */
export type OriginalJob = {
  readonly id: string;
  /** 0 pending, 1 running, 2 done, 3 failed or cancelled. */
  readonly status: 0 | 1 | 2 | 3;
  readonly key: string;
  readonly display: string;
  /** 0 batch, 1 immediate. */
  readonly priority: 0 | 1;
  readonly submitted: WireInstant;
  readonly started: WireInstant | null;
  readonly ended: WireInstant | null;
  readonly workerId: string | null;
};

export type WireCreated = {
  /** The job's key. */
  readonly created: string;
  readonly id: string;
  readonly seq: number;
};

export type WireDeleted = { readonly deleted: string };

export type WireEvent = {
  readonly seq: number;
  readonly at: WireInstant;
  /** The job's short number. */
  readonly job: number;
  readonly id: string;
  readonly key: string;
  readonly type: string | null;
  /** Null also once the job is deleted. */
  readonly group: string | null;
  readonly change: ChangeName;
  readonly status: Status;
  readonly attempt: number | null;
  readonly worker: WireWorkerRef | null;
  readonly reason: FailReason | null;
  readonly info: string | null;
};

export type WireAttempt = {
  readonly attempt: number;
  readonly worker: WireWorkerRef | null;
  readonly started: WireInstant | null;
  readonly ended: WireInstant | null;
  /** Null while it is open; `superseded` when another attempt or a person ended the job. */
  readonly outcome: ChangeName | "superseded" | null;
  readonly info: string | null;
  /** What the worker said of its failure. */
  readonly logs: string | null;
};

export type WireHistory = {
  readonly events: readonly WireEvent[];
  readonly attempts: readonly WireAttempt[];
};

/** Why a job does not run, and what would change that. */
export type WireExplanation = {
  /** The job's short number. */
  readonly job: number;
  readonly id: string;
  readonly key: string;
  readonly type: string | null;
  readonly status: Status;
  /** All reasons as one text. */
  readonly summary: string;
  readonly reasons: readonly {
    readonly code: string;
    readonly text: string;
    /** What somebody could do about it. */
    readonly remedy: string | null;
    /** When it changes by itself. */
    readonly until: WireInstant | null;
  }[];
  /** Jobs of its type that are given out before it; null when it may not be given out yet. */
  readonly queue: { readonly before: number; readonly is_capped: boolean } | null;
  /** Each connected worker; empty unless the job is pending. */
  readonly workers: readonly {
    readonly connection: string;
    readonly id: string;
    readonly name: string;
    readonly code: string;
    /** Whether it could be given the job, were the job next and the worker free. */
    readonly is_fit: boolean;
    readonly text: string;
    readonly until: WireInstant | null;
  }[];
};

/** What an action on many jobs did. Those matched and neither changed nor refused stand already as wanted. */
export type WireManyDone = {
  readonly matched: number;
  readonly changed: number;
  readonly refused: number;
  /** True when time was up before all were looked at: ask again with the cursor. */
  readonly more: boolean;
  readonly cursor: string | null;
};

export type WireGroup = {
  readonly group: string;
  readonly total: number;
  readonly jobs: Readonly<Record<Status, number>>;
  readonly first_submitted: WireInstant;
  readonly last_submitted: WireInstant;
  /** Jobs done per second, over the last minute. */
  readonly done_rate: number;
  /** When the rest will be done at this rate; null when nothing is left or nothing moves. */
  readonly estimated_end: WireInstant | null;
};

/** A line of the manifest that begins a group's results.tar. */
export type WireManifestLine = {
  /** The entry of the tar file with its result. */
  readonly file: string;
  readonly key: string;
  readonly id: string;
  readonly seq: number;
  readonly type: string | null;
  readonly size: number;
  readonly sha256: string;
  readonly content_type: string | null;
  readonly ended: WireInstant;
};

export type WireType = {
  /** Null is the one unnamed type of a server without types. */
  readonly name: string | null;
  readonly description: string | null;
  readonly result_becomes: string | null;
  readonly timeout_s: number | null;
  readonly max_attempts: number;
  readonly max_crashes: number;
  readonly resume_grace_s: number;
  readonly payload_bytes_max: number;
};

export type WireWorker = {
  /** Unique among all connections ever made to this server process. */
  readonly connection: string;
  /** The label that the worker brought and keeps. */
  readonly id: string;
  readonly name: string;
  readonly state: WorkerState;
  readonly protocol: "v2" | "classic" | "pull";
  /** The first of its types; null on a server without types. */
  readonly type: string | null;
  readonly types: readonly string[];
  /** Jobs that it runs at a time. */
  readonly slots: number;
  /** What it has for jobs that ask for it; null of a worker whose protocol does not tell. */
  readonly resources: {
    readonly cpus: number | null;
    readonly memory_bytes: number | null;
    readonly gpus: number;
    readonly tags: readonly string[];
  } | null;
  /** What it measured last; `cpu` is how busy each processor is, 0 to 1. */
  readonly vitals: {
    readonly load: number | null;
    readonly cpu: readonly number[];
    readonly memory_bytes: number | null;
    readonly memory_used_bytes: number | null;
  } | null;
  readonly machine: {
    readonly os: string | null;
    readonly arch: string | null;
    readonly agent: string | null;
  } | null;
  readonly address: string;
  readonly connected: WireInstant;
  readonly first_seen: WireInstant;
  readonly last_seen: WireInstant;
  readonly done_count: number;
  readonly failed_count: number;
  readonly jobs: readonly { readonly seq: number; readonly attempt: number }[];
};

export type WireStats = {
  readonly version: string;
  readonly incarnation: number;
  readonly durability: string;
  readonly accepting: boolean;
  readonly jobs: readonly {
    readonly type: string | null;
    readonly status: Status;
    readonly count: number;
  }[];
  readonly workers: { readonly connected: number; readonly slots: number; readonly busy: number };
  /** Jobs done in the last minute, per second. */
  readonly done_rate: number;
  /** Records that needed mending at start-up: 0 unless something is wrong. */
  readonly repairs: number;
  /** While it is low no jobs are taken. Null where there is no disk. */
  readonly disk: {
    readonly level: "normal" | "low";
    readonly free_bytes: number;
    readonly size_bytes: number;
  } | null;
};
