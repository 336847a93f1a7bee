// The client as its callers see it: every verb of the API, one options object last, a signal on every call. It says
// nothing twice unless that is safe, and puts nothing into the address that is secret.

import type {
  WireExplanation,
  WireJob,
  WireHistory,
  WireStats,
  WireType,
  WireWorker,
} from "../protocol/http-api.ts";
import { jobPath, requireBase, requireSegment, type JobName } from "./address.ts";
import type { NewJob, SubmitOutcome } from "./bulk.ts";
import { ClientError } from "./client-error.ts";
import { openDownload, readAll, type Download } from "./download.ts";
import { readEvents, type EventsOptions, type FeedItem } from "./events.ts";
import { createGroups, type Groups } from "./groups.ts";
import {
  explainJob,
  getHistory,
  getJob,
  listJobs,
  listPages,
  openLogs,
  operate,
  removeJob,
  waitForJob,
  type CallOptions,
  type JobPage,
  type ListOptions,
  type LogsOptions,
  type RemoveOptions,
  type Verb,
} from "./jobs.ts";
import { createMany, type Many } from "./many.ts";
import { createConnection, type Connection } from "./socket/connection.ts";
import { openSocket, type OpenSocket } from "./socket/open-socket.ts";
import { openStream } from "./open-stream.ts";
import type { Payload } from "./payload.ts";
import { readArray, readObject } from "./read-answer.ts";
import { createTransport, type Fetch } from "./request.ts";
import { openResult, results } from "./results.ts";
import type { JobResult, ResultOptions, ResultsOptions } from "./results.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import { submitMany, type SubmitManyOptions } from "./submit-many.ts";
import { submit, type SubmitOptions, type Submitted } from "./submit.ts";

export type ClientOptions = {
  /** Where the server is, with what a proxy put before it: `https://host/grid`. */
  readonly url: string | URL;
  /** Left out where the server wants none, or a cookie of its own says who asks. */
  readonly token?: string;
  /** Sent with every request, for proxies that want to know who asks. */
  readonly headers?: { readonly [name: string]: string };
  /** Instead of the runtime's own. */
  readonly fetch?: Fetch;
  /** Opens the socket of `connect`, instead of the runtime's own. */
  readonly webSocket?: OpenSocket;
  /** `false` gives up at once while no server has answered yet, for people who wait. */
  readonly isPatientAtFirst?: boolean;
};

export type BatchOptions = CallOptions & { readonly type?: string };
export type Batch = { readonly jobs: readonly WireJob[]; readonly isComplete: boolean };

export type Client = {
  /** Adds a job. Without a key it gets one from chance, so that it is never added twice. */
  submit(payload: Payload, options?: SubmitOptions): Promise<Submitted>;
  /** Adds many; what becomes of each comes as it is known. Nothing is sent before it is iterated. */
  submitMany(
    jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
    options?: SubmitManyOptions,
  ): AsyncGenerator<SubmitOutcome, void, undefined>;
  get(job: JobName, options?: CallOptions): Promise<WireJob>;
  /** Jobs one by one, page after page. */
  list(options?: ListOptions): AsyncGenerator<WireJob, void, undefined>;
  pages(options?: ListOptions): AsyncGenerator<JobPage, void, undefined>;
  /** The job once it is done, failed or cancelled. */
  wait(job: JobName, options?: CallOptions): Promise<WireJob>;
  /** Waits for the result and checks it. Throws `JobFailed` when there will be none. */
  result(job: JobName, options?: ResultOptions): Promise<Uint8Array>;
  /** The same in constant memory. */
  openResult(job: JobName, options?: ResultOptions): Promise<Download>;
  /** Results of many jobs in the order they settle; with them the failures. */
  results(
    jobs: Iterable<JobName> | AsyncIterable<JobName>,
    options?: ResultsOptions,
  ): AsyncGenerator<JobResult, void, undefined>;
  payload(job: JobName, options?: CallOptions): Promise<Uint8Array>;
  openPayload(job: JobName, options?: CallOptions): Promise<Download>;
  history(job: JobName, options?: CallOptions): Promise<WireHistory>;
  /** Why it does not run. */
  explain(job: JobName, options?: CallOptions): Promise<WireExplanation>;
  /** What its workers said of failures, as text. Read or cancel it. */
  logs(job: JobName, options?: LogsOptions): Promise<ReadableStream<Uint8Array>>;
  cancel(job: JobName, options?: CallOptions): Promise<WireJob>;
  retry(job: JobName, options?: CallOptions): Promise<WireJob>;
  hold(job: JobName, options?: CallOptions): Promise<WireJob>;
  unhold(job: JobName, options?: CallOptions): Promise<WireJob>;
  /** Deletes a settled job; any with `force`. */
  remove(job: JobName, options?: RemoveOptions): Promise<void>;
  /** Cancels, retries and deletes all that a filter finds. */
  readonly many: Many;
  types(options?: CallOptions): Promise<readonly WireType[]>;
  workers(options?: CallOptions): Promise<readonly WireWorker[]>;
  worker(worker: string, options?: CallOptions): Promise<WireWorker>;
  /** Lets it end what it has and gives it nothing new. */
  drain(worker: string, options?: CallOptions): Promise<WireWorker>;
  undrain(worker: string, options?: CallOptions): Promise<WireWorker>;
  /** Closes the worker's connection; its jobs are lost at once. */
  kick(worker: string, options?: CallOptions): Promise<WireWorker>;
  stats(options?: CallOptions): Promise<WireStats>;
  /** A backup of all that the server keeps, for gridlike restore. Cut short it is none. */
  backup(options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** A stable page of the jobs of a type, from 0. */
  batch(number: number, options?: BatchOptions): Promise<Batch>;
  readonly groups: Groups;
  /** All that happens, from now on or after an event; goes on when the connection breaks. */
  events(options?: EventsOptions): AsyncGenerator<FeedItem, void, undefined>;
  /** One socket for much: submissions gathered, results the moment they exist. Must be closed. */
  connect(): Connection;
};

export function createClient(options: ClientOptions): Client {
  return createClientOn(createRuntime(), options);
}

/** The same with another clock and another chance. */
export function createClientOn(runtime: Runtime, options: ClientOptions): Client {
  const transport = createTransport({
    base: requireBase(options.url),
    headers: { ...options.headers, ...tokenHeader(options.token) },
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    isPatientAtFirst: options.isPatientAtFirst ?? true,
    runtime,
  });
  const bulkRoute = { isOffered: true };
  const read = <T>(
    path: readonly string[],
    signal: AbortSignal | undefined,
    take: (answer: Response) => Promise<T>,
  ) => transport.send({ method: "GET", path, isRepeatable: true, signal }, take);
  const toDo = (verb: Verb) => async (job: JobName, given?: CallOptions) =>
    operate(transport, verb, job, given ?? {});
  const toWorker =
    (method: "GET" | "POST", ...verb: readonly string[]) =>
    async (worker: string, { signal }: CallOptions = {}) => {
      const path = ["workers", requireSegment("worker", worker), ...verb];
      const isRepeatable = method === "GET";
      return transport.send({ method, path, isRepeatable, signal }, (answer) =>
        readObject<WireWorker>(answer, ["id", "state"]),
      );
    };
  const openPayload = async (job: JobName, { signal }: CallOptions = {}) =>
    openDownload(transport, { path: jobPath(job, "payload"), query: {}, signal });
  return {
    submit: (payload, given = {}) => submit(transport, payload, given),
    submitMany: (jobs, given = {}) => submitMany(transport, bulkRoute, jobs, given),
    get: async (job, given = {}) => getJob(transport, job, given),
    list: (given = {}) => listJobs(transport, given),
    pages: (given = {}) => listPages(transport, given),
    wait: (job, given = {}) => waitForJob(transport, job, given),
    result: async (job, given = {}) => readAll(await openResult(transport, job, given)),
    openResult: (job, given = {}) => openResult(transport, job, given),
    results: (jobs, given = {}) => results(transport, jobs, given),
    payload: async (job, given) => readAll(await openPayload(job, given)),
    openPayload,
    history: async (job, given = {}) => getHistory(transport, job, given),
    explain: async (job, given = {}) => explainJob(transport, job, given),
    logs: (job, given = {}) => openLogs(transport, job, given),
    cancel: toDo("cancel"),
    retry: toDo("retry"),
    hold: toDo("hold"),
    unhold: toDo("unhold"),
    remove: (job, given = {}) => removeJob(transport, job, given),
    many: createMany(transport),
    types: ({ signal } = {}) => read(["types"], signal, (answer) => readArray<WireType>(answer)),
    workers: ({ signal } = {}) =>
      read(["workers"], signal, (answer) => readArray<WireWorker>(answer)),
    worker: toWorker("GET"),
    drain: toWorker("POST", "drain"),
    undrain: toWorker("POST", "undrain"),
    kick: toWorker("POST", "kick"),
    stats: ({ signal } = {}) =>
      read(["stats"], signal, (answer) => readObject<WireStats>(answer, ["jobs", "workers"])),
    // The server copies its database first, which takes as long as it takes.
    backup: ({ signal } = {}) =>
      openStream(transport, { what: "The backup", path: ["backup"], answerMsMax: null, signal }),
    batch: async (number, { type, signal } = {}) => {
      const types = type === undefined ? [] : [requireSegment("job type", type)];
      return read(["batches", ...types, String(number)], signal, async (answer) => ({
        jobs: await readArray<WireJob>(answer),
        isComplete: answer.headers.get("x-batch-complete") === "true",
      }));
    },
    groups: createGroups(transport),
    events: (given = {}) => readEvents(transport, given),
    connect: () =>
      createConnection(transport, {
        url: toSocketUrl(requireBase(options.url)),
        token: options.token ?? null,
        headers: options.headers ?? {},
        openSocket: options.webSocket ?? openSocket,
      }),
  };
}

/** The types of the protocols match: http becomes ws, https becomes wss. */
function toSocketUrl(base: string): string {
  return `${base.replace(/^http/, "ws")}client`;
}

/** Its own header, because a proxy may want Authorization for itself. What is wrong with a token never shows it. */
function tokenHeader(token: string | undefined): { readonly [name: string]: string } {
  if (token === undefined) return {};
  if (/^[\x21-\x7e]+$/.test(token)) return { "x-api-key": token };
  throw new ClientError(
    "malformed",
    "The token holds characters that no token has. Look for spaces and line ends around it.",
  );
}
