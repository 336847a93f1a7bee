// The client library: all that a program needs to submit jobs to a GridLike server and to fetch their results.
// Runs in Bun, in Node and in browsers; the only public door of this folder.

export { createClient } from "./client.ts";
export { ClientError, JobFailed } from "./client-error.ts";
export type { Batch, BatchOptions, Client, ClientOptions } from "./client.ts";
export type { ClientCode } from "./client-error.ts";
export type { JobName } from "./address.ts";
export type { NewJob, SubmitOutcome } from "./bulk.ts";
export type { Download } from "./download.ts";
export type { EventsOptions, FeedItem } from "./events.ts";
export type { Groups } from "./groups.ts";
export type { CallOptions, JobPage, ListOptions, LogsOptions, RemoveOptions } from "./jobs.ts";
export type { Many, ManyDone, ManyFilter, ManyOptions } from "./many.ts";
export type { ByteSource, Payload } from "./payload.ts";
export type { Fetch } from "./request.ts";
export type { JobResult, ResultOptions, ResultsOptions } from "./results.ts";
export type { Connection } from "./socket/connection.ts";
export type { Watched, WatchNews, WatchOptions } from "./socket/following.ts";
export type { OpenSocket } from "./socket/open-socket.ts";
export type { SubmitManyOptions } from "./submit-many.ts";
export type { JobRequest, SubmitOptions, Submitted, When } from "./submit.ts";
export type {
  WireAttempt,
  WireContent,
  WireEvent,
  WireExplanation,
  WireGroup,
  WireHistory,
  WireJob,
  WireProgress,
  WireStats,
  WireType,
  WireWorker,
} from "../protocol/http-api.ts";
