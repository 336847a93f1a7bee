// What can be put to a job. Instants and chance arrive as numbers, so that the rules stay pure.

import type { Content } from "./blob-ref.ts";
import type { Instant, WorkerRef } from "./job.ts";

export type Step =
  /**
   * A worker with room takes the job. `waived`: no other worker could, so the avoid list does not count.
   * `dueAt`: the instant that waits are measured against, when it is not `at`: the clock was set back.
   */
  | {
      readonly do: "claim";
      readonly at: Instant;
      readonly dueAt?: Instant;
      readonly worker: WorkerRef;
      readonly tokenHash: Uint8Array;
      readonly leaseMs: number | null;
      readonly waived: boolean;
    }
  /** A result, durable already. The first valid one wins, however late. */
  | {
      readonly do: "complete";
      readonly at: Instant;
      readonly attempt: number;
      readonly result: Content;
    }
  /** The worker reports failure. `chance` in [0, 1) spreads the wait before the next attempt. */
  | {
      readonly do: "fail";
      readonly at: Instant;
      readonly attempt: number;
      readonly info: string | null;
      readonly retryable: boolean;
      readonly chance: number;
    }
  /** The attempt ran longer than it may. */
  | {
      readonly do: "time-out";
      readonly at: Instant;
      readonly attempt: number;
      readonly chance: number;
    }
  /** The worker is gone. `charged`: it may have been the job's doing. `elsewhere`: another worker could try. */
  | {
      readonly do: "lose";
      readonly at: Instant;
      readonly attempt: number;
      readonly charged: boolean;
      readonly elsewhere: boolean;
      readonly info: string;
    }
  /** The payload never reached the worker. */
  | { readonly do: "return"; readonly at: Instant; readonly attempt: number; readonly info: string }
  /** The worker gives the job back unharmed. */
  | {
      readonly do: "release";
      readonly at: Instant;
      readonly attempt: number;
      readonly info: string;
    }
  /** The holder of an attempt that was given up is there again, and still has it. */
  | { readonly do: "reopen"; readonly at: Instant; readonly attempt: number }
  | { readonly do: "cancel"; readonly at: Instant; readonly info: string | null }
  | { readonly do: "retry"; readonly at: Instant }
  | { readonly do: "hold"; readonly at: Instant }
  | { readonly do: "unhold"; readonly at: Instant }
  /** Its deadline passed while it was waiting. */
  | { readonly do: "expire"; readonly at: Instant }
  /** Its payload cannot be read or does not fit its hash. */
  | { readonly do: "damage"; readonly at: Instant; readonly info: string };

/** Why a step is not taken. */
export type Refusal =
  /** The job is not waiting to be given out. */
  | "not-pending"
  /** It waits for its time, is held, or avoids this worker. */
  | "not-ready"
  | "avoided"
  /** The attempt that the news is about is not the open one. */
  | "not-open"
  /** The same result stands already: the sender may forget it. */
  | "committed"
  /** Another attempt was first. */
  | "superseded"
  /** Nobody wants this result any more. */
  | "abandon"
  /** The same attempt sent other bytes before; the first stay. */
  | "conflict"
  | "already-done"
  | "already-cancelled"
  | "already-settled"
  | "still-active"
  | "not-due";
