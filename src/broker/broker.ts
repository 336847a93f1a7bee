// What the broker offers to the doors of the server. It alone changes a job; the doors only translate.
// Every verb throws GridError for the caller's mistakes, and answers only after its change is durable.

import type { ByteRange, Content, NewContent } from "../domain/blob-ref.ts";
import type { StoredEvent } from "../domain/event.ts";
import type { Job, JobId, JobOptions, JobSeq, Priority, Status } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import type { JobRef } from "../domain/key.ts";
import type { WorkerView } from "../domain/worker.ts";
import type { DiskState } from "./disk-level.ts";
import type { EventPlace } from "./event-tail.ts";
import type { Explanation } from "./explain.ts";
import type { LogPiece } from "./live-logs.ts";
import type { ManyJobs } from "./many-jobs.ts";
import type { PullRequest, Pulled } from "./pull-door.ts";
import type { PulledWork } from "./pull-work.ts";
import type { ServerSays } from "../protocol/worker-messages.ts";
import type { Page, PageQuery } from "../store/job-store.ts";
import type { WatchBook, WatchListener } from "./watch-book.ts";

export type Submission = {
  readonly key: string | null;
  readonly type: string;
  readonly priority: Priority;
  readonly description: string | null;
  /** JSON text of an object, or null. */
  readonly labels: string | null;
  readonly group: string | null;
  readonly options: JobOptions;
  readonly payload: NewContent;
};

/** `isReplay`: the same submission stood already; nothing was added. */
export type Submitted = {
  readonly key: string;
  readonly id: JobId;
  readonly seq: JobSeq;
  readonly isReplay: boolean;
};

export type Progress = { readonly percent: number | null; readonly info: string | null };

/** A job with what is known of it beside its record. */
export type JobView = Job & {
  readonly progress: Progress | null;
  readonly nextIds: readonly JobId[];
};

export type HistoryView = {
  readonly events: readonly StoredEvent[];
  readonly logs: readonly { readonly attempt: number; readonly text: string }[];
};

export type Stats = {
  readonly jobs: readonly {
    readonly type: string;
    readonly status: Status;
    readonly count: number;
  }[];
  readonly workers: { readonly connected: number; readonly slots: number; readonly busy: number };
  /** Jobs settled as done in the last minute, per second. */
  readonly doneRate: number;
  readonly durability: string;
  readonly incarnation: number;
  /** Changes that needed mending at start-up: 0 unless something is wrong. */
  readonly repairs: number;
  /** Null where there is no disk. */
  readonly disk: DiskState | null;
};

/** What the broker needs of a socket that speaks the classic protocol. */
export type ClassicSocket = {
  /** Unique among all sockets ever opened by this process. */
  readonly connection: string;
  /** The type of its URL; "" on a server without types. */
  readonly type: string;
  readonly address: string;
  sendText(text: string): void;
  /** False when the bytes were dropped because the socket is gone or full. */
  sendBytes(bytes: Uint8Array): boolean;
  close(code: number, reason: string): void;
};

/** What a classic socket tells the broker, in the order it arrives. */
export type ClassicConnection = {
  readonly isRegistered: boolean;
  text(message: string): void;
  bytes(message: Uint8Array): void;
  closed(): void;
};

/** What the broker needs of a socket that speaks v2. */
export type WorkerSocket = {
  /** Unique among all sockets ever opened by this process. */
  readonly connection: string;
  readonly address: string;
  /** Takes a message on its way, with what else is said in this turn. Nothing is sent after the close. */
  send(header: ServerSays, body?: Uint8Array): void;
  /** Asks for a sign of life. */
  ping(): void;
  /** Stops reading for a while; what is on its way waits in the network. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
};

/** What such a socket tells the broker, in the order it arrives. */
export type WorkerConnection = {
  frame(bytes: Uint8Array): void;
  /** A text frame came, which this protocol does not have. */
  text(): void;
  /** A ping or a pong came. */
  signOfLife(): void;
  /** Much is on its way that the worker has not read; or no longer. */
  behind(isBehind: boolean): void;
  /** The server stops, and closes the socket next. */
  stopping(): void;
  closed(): void;
};

export type Broker = ManyJobs & {
  /** Takes up claims left open by the last run, then begins to give out jobs. */
  start(): Promise<void>;
  /** From here on nothing is given out, and connections that end are nobody's fault. Uploads may still arrive. */
  drain(): void;
  /** Drains, then resolves when what was under way is written. */
  stop(): Promise<void>;
  isAccepting(): boolean;

  /** The type called `name`, or `no-such-type`. */
  requireType(name: string): JobType;
  types(): readonly JobType[];

  /** Throws `disk-low` while the disk has no room for new jobs: asked before their bytes are read. */
  requireRoom(): Promise<void>;
  /** Reads bytes into staging: small ones into memory, others to the blob store. Throws what the stream throws. */
  stage(
    bytes: AsyncIterable<Uint8Array>,
    limits: { readonly sizeBytesMax: number; readonly contentType: string | null },
  ): Promise<NewContent>;
  /** Takes staged bytes away again that were not used. */
  discard(content: NewContent): Promise<void>;
  submit(submission: Submission): Promise<Submitted>;

  get(ref: JobRef): Promise<JobView>;
  /** Resolves when the job is settled, or after `waitMs`, or when `stop` fires; with the job as it then is. */
  wait(ref: JobRef, waitMs: number, stop: AbortSignal): Promise<JobView>;
  /** The same, following successors: the view is of the last job of the chain. */
  waitForEndOfChain(ref: JobRef, waitMs: number, stop: AbortSignal): Promise<JobView>;
  list(query: PageQuery): Promise<Page<JobView>>;
  count(filter: PageQuery["filter"]): Promise<number>;
  batch(
    type: string,
    batch: number,
  ): Promise<{ readonly jobs: readonly JobView[]; readonly isComplete: boolean }>;
  history(ref: JobRef): Promise<HistoryView>;
  /** Why it does not run, for each connected worker, and what would change that. */
  explain(ref: JobRef): Promise<Explanation & { readonly job: Job }>;
  /** Bytes of a payload or result; `bytes-forgotten` when they are gone. */
  open(content: Content, range?: ByteRange): Promise<ReadableStream<Uint8Array> | Uint8Array>;

  /** Cancelling a cancelled job is no error; a done or failed one is `already-done`. */
  cancel(ref: JobRef): Promise<JobView>;
  retry(ref: JobRef): Promise<JobView>;
  hold(ref: JobRef): Promise<JobView>;
  unhold(ref: JobRef): Promise<JobView>;
  /** Removes a settled job, else `still-active`; with `force` it is cancelled first. Answers with its key. */
  remove(ref: JobRef, options: { readonly force: boolean }): Promise<string>;

  /** Removes settled jobs as they were read; one that changed since stays. Answers how many are gone. */
  forget(jobs: readonly Job[]): Promise<number>;

  workers(): readonly WorkerView[];
  /** By connection or by the id it brought. */
  worker(id: string): WorkerView;
  /** Closes its socket; its job is lost at once. */
  kick(id: string): WorkerView;
  /** The worker ends what it has and gets nothing new, also when it comes back, until it is undrained. */
  drainWorker(id: string): WorkerView;
  undrainWorker(id: string): WorkerView;
  stats(): Promise<Stats>;

  /** Where among the events to go on for who saw the one with this id last; for null it is from now on. */
  eventPlace(lastId: string | null): Promise<EventPlace>;
  /** Committed events behind a number, oldest first. */
  events(after: number, limit: number): Promise<readonly StoredEvent[]>;
  /** Calls with new events, in order, until the returned function is called. Reads from now on are covered by calls. */
  watch(call: (events: readonly StoredEvent[]) => void): Promise<() => void>;

  /** A job for a worker without a socket; null when none came in time or `stop` fired. */
  pull(request: PullRequest, stop: AbortSignal): Promise<Pulled | null>;
  /** What the token of an attempt opens, on whichever road the attempt was given; `forbidden` for another token. */
  openWork(ref: JobRef, attempt: number, token: Uint8Array): Promise<PulledWork>;

  /** Calls with what a running job said, then with all that it says, until the returned function is called. */
  watchLogs(seq: JobSeq, call: (piece: LogPiece) => void): () => void;

  /** A socket that wants to speak the classic protocol. */
  attachClassic(socket: ClassicSocket): ClassicConnection;
  /** A socket that wants to speak v2, and has proved that it may. */
  attachWorker(socket: WorkerSocket): WorkerConnection;

  /** Follows jobs and groups for somebody who is told of them at once. Must be closed. */
  openWatches(listener: WatchListener): WatchBook;
  /** Who this server is, for those who connect. */
  self(): { readonly name: string; readonly incarnation: number };
};
