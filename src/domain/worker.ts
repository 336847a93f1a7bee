// A worker as people see it: who it is, what it does now, what it has done so far.

import type { Instant, JobSeq } from "./job.ts";

/** `suspect`: silent for too long. `draining`: it ends what it has and takes nothing new. */
export type WorkerState =
  "ready" | "busy" | "unsure" | "quarantined" | "suspect" | "draining" | "gone";

/** What a worker's machine has for jobs that ask for it; null where it did not say. */
export type Offers = {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly gpus: number;
  readonly tags: readonly string[];
};

/** What a worker measured last. `cpu`: how busy each processor is, 0 to 1. */
export type Vitals = {
  readonly load: number | null;
  readonly cpu: readonly number[];
  readonly memoryBytes: number | null;
  readonly memoryUsedBytes: number | null;
};

/** The program and the machine, as the worker names them. */
export type WorkerMachine = {
  readonly os: string | null;
  readonly arch: string | null;
  readonly agent: string | null;
};

/** A worker's whole history under its stable id, kept across connections. */
export type WorkerRecord = {
  readonly id: string;
  readonly name: string;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
  readonly doneCount: number;
  readonly failedCount: number;
};

/** A connection of a worker, live or just ended. `connection` is unique, `id` is the label it brought. */
export type WorkerView = WorkerRecord & {
  readonly connection: string;
  readonly state: WorkerState;
  readonly protocol: "v2" | "classic" | "pull";
  readonly types: readonly string[];
  /** Jobs that it runs at a time. */
  readonly slots: number;
  /** Null of a worker whose protocol does not tell. */
  readonly offers: Offers | null;
  readonly vitals: Vitals | null;
  readonly machine: WorkerMachine | null;
  readonly address: string;
  readonly connectedAt: Instant;
  readonly jobs: readonly { readonly seq: JobSeq; readonly attempt: number }[];
};
