// What the agent and a host of functions say to each other. Types alone: the host runs as a script of its own and
// takes nothing else along.

/** What a function may know of its job. */
export type JobFacts = {
  readonly job: string;
  readonly key: string;
  readonly type: string;
  readonly attempt: number;
  readonly priority: string;
  readonly description: string | null;
  readonly contentType: string | null;
  readonly directory: string;
  readonly slot: number;
};

export type HostAsk =
  | {
      readonly op: "run";
      readonly file: string;
      /** The name of an export; null is the file's main function. */
      readonly handler: string | null;
      readonly facts: JobFacts;
      readonly payload: Uint8Array | { readonly path: string };
      /** What is left of its time; null when nothing bounds it. */
      readonly limitMs: number | null;
      /** A larger result is written to `resultPath`. */
      readonly inlineBytesMax: number;
      readonly resultPath: string;
    }
  /** Loads the file, and says what it offers. */
  | { readonly op: "list"; readonly file: string };

export type HostResult = {
  readonly op: "done";
  readonly result: Uint8Array | { readonly path: string; readonly sizeBytes: number };
  readonly contentType: string | null;
};

export type HostFailure = {
  readonly op: "failed";
  readonly info: string;
  readonly retryable: boolean;
  /** The system's name of what went wrong when the result could not be written. */
  readonly writeError: string | null;
};

export type HostListing = {
  readonly op: "listed";
  /** Names of exported functions, "default" left out. */
  readonly handlers: readonly string[];
  /** Names of plugins: `{ name, run }`, one or an array of them. */
  readonly plugins: readonly string[];
  /** Why the file cannot be loaded; null when it can. */
  readonly problem: string | null;
};

export type HostSays =
  | { readonly op: "ready" }
  | { readonly op: "progress"; readonly percent: number | null; readonly info: string | null }
  /** The files that it has loaded for the function, those of packages left out. Before the first answer. */
  | { readonly op: "loaded"; readonly files: readonly string[] }
  | HostResult
  | HostFailure
  | HostListing;
