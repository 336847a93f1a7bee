// What runs jobs on a worker, seen from the agent: one verb. A runner knows programs, never the network: it is
// handed bytes and a fresh folder, and answers with what came of it.

/** Small bytes are in memory, larger ones in a file that was checked against its hash. */
export type JobBytes =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string; readonly sizeBytes: number };

/** One attempt of a job, as a runner gets it. */
export type Assignment = {
  readonly job: string;
  readonly attempt: number;
  readonly key: string;
  readonly type: string;
  readonly priority: "immediate" | "batch";
  readonly contentType: string | null;
  readonly description: string | null;
  readonly payload: JobBytes;
  /** Fresh, empty, 0700; the agent removes it after the run. */
  readonly directory: string;
  /** Counted from 1, unique among the jobs that run at one time. */
  readonly slot: number;
  /** Longest run, or null; then the process tree is asked to end, and killed `killAfterMs` later. */
  readonly timeoutMs: number | null;
  readonly killAfterMs: number;
};

/** What a job says while it runs. Both are cheap, may be called often, and never throw. */
export type Report = {
  /** Null of a field: nothing new about it. */
  progress(percent: number | null, info: string | null): void;
  /** Bytes as they come; the agent keeps what it needs of them. */
  log(stream: "stdout" | "stderr", bytes: Uint8Array): void;
};

export type Outcome =
  /** A file lies in the assignment's folder; the agent takes it away from there. */
  | { readonly kind: "done"; readonly result: JobBytes; readonly contentType: string | null }
  | {
      readonly kind: "failed";
      /** A sentence for people. */
      readonly info: string;
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly retryable: boolean;
    }
  /** It never ran, or not to an end of its own; nobody is to be charged. */
  | { readonly kind: "released"; readonly why: "preempted" | "unsupported" | "no_space" }
  /** `stop` fired, and nothing of it runs any more. */
  | { readonly kind: "stopped" };

export interface Runner {
  /** Runs one job. Resolves when nothing of it runs any more; never rejects but for a bug of ours. */
  run(assignment: Assignment, report: Report, stop: AbortSignal): Promise<Outcome>;
  /** Ends what the runner keeps warm. */
  close(): Promise<void>;
}
