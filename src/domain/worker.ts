// A worker as people see it: who it is, what it does now, what it has done so far.

import type { Instant, JobSeq } from "./job.ts";

export type WorkerState = "ready" | "busy" | "unsure" | "quarantined" | "gone";

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
  readonly protocol: "classic" | "pull";
  readonly type: string;
  readonly address: string;
  readonly connectedAt: Instant;
  readonly jobs: readonly { readonly seq: JobSeq; readonly attempt: number }[];
};
