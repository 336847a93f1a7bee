// What is kept for one connection of a v2 worker: a record of fields, because there may be ten thousand that do
// nothing. The verbs that work on it are shared by all.

import type { Instant } from "../domain/job.ts";
import type { WorkerVitals } from "../protocol/worker-messages.ts";
import type { WorkerConnection, WorkerSocket } from "./broker.ts";
import type { Own } from "./worker-holdings.ts";
import type { Place } from "./worker-people.ts";
import type { WorkerInput, WorkerSession } from "./worker-session.ts";

/** What the door sees of one of them. */
export type Connection = WorkerConnection &
  Place & {
    /** Looks whether it has been silent for too long. */
    look(): void;
  };

export type Self = Own & {
  readonly socket: WorkerSocket;
  readonly connection: Connection;
  readonly connectedAt: Instant;
  /** By the monotonic clock. */
  readonly openedMs: number;
  session: WorkerSession;
  vitals: WorkerVitals | null;
  /** Lists of held attempts that are being answered, one after the other; null when there are none. */
  lists: Promise<void> | null;
  /** Reports that are being written. */
  reportCount: number;
  reportBytes: number;
  /** Nothing is read from the socket for now. */
  isPaused: boolean;
  /** Called once at the next sign of life. */
  onSign: (() => void) | null;
};

/** Puts an input to the session, and carries out what follows. */
export type StepSelf = (self: Self, input: WorkerInput) => void;
