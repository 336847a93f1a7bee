// A server with everything but the disk: the real app over the real broker, on a free port of this machine.

import { createSha256 } from "../../src/blobs/hashing.ts";
import { createMemoryPartStore } from "../../src/blobs/memory/memory-part-store.ts";
import type { PartStore } from "../../src/blobs/part-store.ts";
import { createMemoryBlobStore } from "../../src/blobs/memory/memory-blob-store.ts";
import type { BlobStore } from "../../src/blobs/blob-store.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { createBroker } from "../../src/broker/create-broker.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import { createSystemClock, type Clock } from "../../src/platform/clock.ts";
import { createIds } from "../../src/platform/ids.ts";
import { createSilentLog, type Log } from "../../src/platform/log.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

import { createApp, type AppSettings } from "../../src/server/app.ts";
import { listen, type Listener } from "../../src/server/listen.ts";
import { createMemoryJobStore } from "../../src/store/memory/memory-job-store.ts";

export const apiKey = "api-key-of-the-tests";
export const workerToken = "worker-token-of-the-tests";

export type DoorOptions = {
  /** The clock of the HTTP side alone; the broker has a real one. */
  readonly clock?: Clock;
  readonly log?: Log;
  /** Where results that arrive in parts are kept; in memory when it is left out. */
  readonly partStore?: PartStore;
  readonly types?: readonly JobType[];
  readonly isOpen?: boolean;
  readonly batchSize?: number;
  readonly isProxy?: (address: string) => boolean;
  readonly settings?: Partial<AppSettings>;
  readonly tls?: { readonly key: string; readonly cert: string };
};

export type Door = AsyncDisposable & {
  readonly broker: Broker;
  readonly blobs: BlobStore;
  readonly listener: Listener;
  /** Where the API is, without a slash at its end. */
  readonly api: string;
  /** A request with the right key, unless headers say otherwise. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  /** Submits bytes under a key, and answers with the job's id. */
  readonly submit: (key: string, bytes?: string, query?: string) => Promise<string>;
  /** How many blobs and jobs are kept: what a refused submission must not change. */
  readonly kept: () => Promise<{ readonly blobs: number; readonly jobs: number }>;
};

/** Bytes above 64 reach the blob store here, so that small tests see both ways. */
export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const log = options.log ?? createSilentLog();
  const blobs = createMemoryBlobStore({ clock, random });
  const jobs = createMemoryJobStore({ batchSize: options.batchSize ?? 100 });
  const types = options.types ?? [aType()];
  await jobs.declareTypes(types.map(({ name }) => name));
  const broker = createBroker({
    jobs,
    blobs,
    clock,
    random,
    log,
    makeId: createIds(clock, random),
    types,
    smallBlobBytesMax: 64,
    classicBytesMax: 1024 * 1024,
    kickAfterMs: 500,
    verifyWorkerToken: (token) => token === workerToken,
    durability: "memory",
    incarnation: 1,
  });
  await broker.start();
  const settings: AppSettings = {
    pathBase: "",
    host: "127.0.0.1",
    names: [],
    classicBytesMax: 1024 * 1024,
    isProxied: false,
    version: "tests",
    ...options.settings,
  };
  const app = createApp({
    broker,
    auth: {
      verifyApi: (token) => token === apiKey || (options.isOpen === true && token === null),
      verifyWorker: (token) => token === workerToken || (options.isOpen === true && token === null),
    },
    partStore: options.partStore ?? createMemoryPartStore({ clock }),
    clock: options.clock ?? clock,
    random,
    log,
    createHash: createSha256,
    isProxy: options.isProxy ?? (() => false),
    settings,
  });
  const listener = listen(app, {
    host: "127.0.0.1",
    port: 0,
    tls: options.tls ?? null,
    clock: options.clock ?? clock,
  });
  const scheme = options.tls === undefined ? "http" : "https";
  const api = `${scheme}://127.0.0.1:${listener.port}${settings.pathBase}/api`;
  const call: Door["call"] = (path, init = {}) =>
    fetch(api + path, { ...init, headers: withKey(init.headers) });
  return {
    broker,
    blobs,
    listener,
    api,
    call,
    async submit(key, bytes = key, query = "") {
      const path = `/jobs/submit?key=${encodeURIComponent(key)}${query}`;
      const answer = await call(path, { method: "POST", body: new TextEncoder().encode(bytes) });
      const created = (await answer.json()) as { readonly id: string };
      if (answer.status !== 202) throw new Error(JSON.stringify(created));
      return created.id;
    },
    kept: async () => ({
      blobs: (await blobs.list(null, 1000)).length,
      jobs: await broker.count({}),
    }),
    async [Symbol.asyncDispose]() {
      broker.drain();
      await listener.stop();
      await broker.stop();
      await jobs.close();
      await blobs.close();
    },
  };
}

export function aType(given: Partial<JobType> = {}): JobType {
  return {
    name: "",
    description: null,
    resultBecomes: null,
    timeoutMs: null,
    maxAttempts: 3,
    maxCrashes: 3,
    resumeGraceMs: 600_000,
    payloadBytesMax: 1024 * 1024,
    ...given,
  };
}

function withKey(given: RequestInit["headers"]): Headers {
  const headers = new Headers(given);
  if (!headers.has("x-api-key") && !headers.has("authorization")) headers.set("X-API-KEY", apiKey);
  return headers;
}
