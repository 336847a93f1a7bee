// The HTTP API as an Elysia app: which groups of routes there are, what each request passes first, and how
// errors become answers. Listening is another matter: listen.ts.

import { Elysia } from "elysia";
import type { PartStore } from "../blobs/part-store.ts";
import type { Broker } from "../broker/broker.ts";
import {
  idleSecondsMax,
  proxiedIdleSecondsMax,
  workerBacklogBytesMax,
} from "../domain/limits-server.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { atEndOfTurn } from "../platform/turn.ts";
import { createAnswers, type Answers } from "./answer-lines.ts";
import type { ApiAuth } from "./auth.ts";
import { backupRoutes, type Backups } from "./backup-routes.ts";
import { batchRoutes } from "./batch-routes.ts";
import { byteRoutes } from "./byte-routes.ts";
import { claimRoutes } from "./claim-routes.ts";
import { clientUpgrades } from "./client-upgrades.ts";
import { docsRoutes } from "./docs-routes.ts";
import { createDownloads, type Downloads } from "./downloads.ts";
import { eventRoutes } from "./event-routes.ts";
import { createMemoryPressure } from "../platform/memory-pressure.ts";
import { createFloor } from "./floor.ts";
import { createFollowers, type Followers } from "./followers.ts";
import { createApiGate, createClientGate, createOpenGate, createWorkerGate } from "./gate.ts";
import { groupRoutes } from "./group-routes.ts";
import { healthRoutes } from "./health.ts";
import { createServesHost } from "./hosts.ts";
import { insightRoutes } from "./insight-routes.ts";
import { jobRoutes } from "./job-routes.ts";
import { listRoutes } from "./list-routes.ts";
import { manyRoutes } from "./many-routes.ts";
import { createPartUploads } from "./part-uploads.ts";
import { createPatience, type Patience } from "./patience.ts";
import { createPeers } from "./peers.ts";
import { answerFailure } from "./problems.ts";
import { createSockets, type Sockets } from "./sockets.ts";
import { statsRoutes } from "./stats-routes.ts";
import type { Hash } from "./submission.ts";
import { submitManyRoutes } from "./submit-many-routes.ts";
import { submitRoutes } from "./submit-routes.ts";
import { typeRoutes } from "./type-routes.ts";
import { createUploads, type Uploads } from "./uploads.ts";
import { createWaits, type Waits } from "./waits.ts";
import { workRoutes } from "./work-routes.ts";
import { workerRoutes } from "./worker-routes.ts";
import { workerUpgrades } from "./worker-upgrades.ts";

export type AppDeps = {
  readonly broker: Broker;
  readonly auth: ApiAuth;
  /** Keeps results that arrive in parts. */
  readonly partStore: PartStore;
  /** Left out where nothing is kept that could be put back. */
  readonly backups?: Backups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly createHash: () => Hash;
  /** True for the address of a proxy whose X-Forwarded headers are believed. */
  readonly isProxy: (address: string) => boolean;
  readonly settings: AppSettings;
};

export type AppSettings = {
  /** What stands before every path: "" or "/grid". */
  readonly pathBase: string;
  /** What the server listens on. */
  readonly host: string;
  /** Further names that lead to this server. */
  readonly names: readonly string[];
  /** The largest message of workers that speak the original protocol, or null when they are not served. */
  readonly classicBytesMax: number | null;
  /** Whether proxies are in front, which keep connections in stock and lose requests when we close them. */
  readonly isProxied: boolean;
  readonly version: string;
};

/** The app and what outlives a single request of it. */
export type App = {
  readonly routes: ReturnType<typeof createRoutes>;
  readonly sockets: Sockets;
  readonly uploads: Uploads;
  /** Deadline of a request that nothing else watches. */
  readonly idleSeconds: number;
  /** From here on nothing new is begun. */
  stopTaking(): void;
};

export function createApp(deps: AppDeps): App {
  const { clock, log, settings } = deps;
  const stop = new AbortController();
  const messageBytesMax = (settings.classicBytesMax ?? 0) + socketSlackBytes;
  const backlogBytesMax = Math.max(messageBytesMax + socketSlackBytes, workerBacklogBytesMax);
  const sockets = createSockets({ clock, log, messageBytesMax, backlogBytesMax });
  const idleSeconds = settings.isProxied ? proxiedIdleSecondsMax : idleSecondsMax;
  const patience = createPatience(idleSeconds);
  const floor = createFloor(clock, createMemoryPressure());
  const uploads = createUploads({ clock, floor, patience });
  const downloads = createDownloads({ floor, patience, log });
  const answers = createAnswers({ floor, patience });
  const waits = createWaits(stop.signal, patience);
  const followers = createFollowers({ stopping: stop.signal, floor, patience, log });
  const isTaking = () => !stop.signal.aborted && deps.broker.isAccepting();
  const shared = { sockets, uploads, answers, downloads, followers, waits, patience, isTaking };
  const routes = createRoutes(deps, shared);
  return { routes, sockets, uploads, idleSeconds, stopTaking: () => stop.abort() };
}

type Shared = {
  readonly sockets: Sockets;
  readonly uploads: Uploads;
  readonly answers: Answers;
  readonly downloads: Downloads;
  readonly followers: Followers;
  readonly waits: Waits;
  readonly patience: Patience;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

function createRoutes(deps: AppDeps, shared: Shared) {
  const { broker, auth, clock, log, settings } = deps;
  const { host, names, version, pathBase, classicBytesMax } = settings;
  const isOpen = auth.verifyApi(null);
  const peers = createPeers(deps.isProxy);
  const gates = { servesHost: createServesHost({ bound: host, names, isOpen }), peers, auth, log };
  const openGate = createOpenGate(gates);
  const apiGate = createApiGate(gates);
  const clientGate = createClientGate(gates);
  const isOpenToWorkers = auth.verifyWorker(null);
  const workerGate = createWorkerGate({
    ...gates,
    servesHost: createServesHost({ bound: host, names, isOpen: isOpenToWorkers }),
  });
  const nextRequestId = createRequestIds(deps.random);

  const api = new Elysia({ prefix: "/api" })
    .onTransform(({ request, server }) => apiGate(request, server))
    .use(submitRoutes({ ...shared, broker, createHash: deps.createHash }))
    .use(submitManyRoutes({ ...shared, broker, log }))
    .use(manyRoutes({ ...shared, broker }))
    .use(groupRoutes({ ...shared, broker, clock }))
    .use(listRoutes({ ...shared, broker }))
    .use(jobRoutes({ ...shared, broker }))
    .use(insightRoutes({ ...shared, broker, clock }))
    .use(byteRoutes({ ...shared, broker }))
    .use(batchRoutes({ ...shared, broker }))
    .use(eventRoutes({ ...shared, broker, clock }))
    .use(typeRoutes({ broker }))
    .use(workerRoutes({ broker }))
    .use(statsRoutes({ ...shared, broker, version }));
  if (deps.backups !== undefined) api.use(backupRoutes({ ...shared, backups: deps.backups }));
  const claims = new Elysia({ prefix: "/api" })
    .onTransform(({ request, server }) => workerGate(request, server))
    .use(claimRoutes({ ...shared, broker, peers }));
  const partUploads = createPartUploads(deps.partStore);
  const doors = new Elysia({ prefix: "/api" })
    .onTransform(({ request, server }) => openGate(request, server))
    .use(workRoutes({ ...shared, broker, partUploads, createHash: deps.createHash }))
    .use(clientUpgrades({ ...shared, broker, clock, log, atEndOfTurn, clientGate }))
    .use(
      workerUpgrades({
        ...shared,
        broker,
        peers,
        atEndOfTurn,
        workerGate,
        servesClassic: classicBytesMax !== null,
      }),
    );

  const docs = new Elysia()
    .onTransform(({ request, server }) => openGate(request, server))
    .use(docsRoutes({ version, createHash: deps.createHash }));

  return new Elysia({
    prefix: pathBase,
    handler: { standardHostname: false }, // Else a path is not found when the Host is a short name.
  })
    .onRequest(({ set }) => {
      set.headers["x-request-id"] = nextRequestId();
      set.headers["x-content-type-options"] = "nosniff";
      set.headers["cache-control"] = "no-store";
    })
    .onError(({ error, code, request, set }) => {
      const requestId = String(set.headers["x-request-id"]);
      return answerFailure(log, { error, kind: code, request, requestId });
    })
    .use(healthRoutes(shared))
    .use(docs)
    .use(doors)
    .use(claims)
    .use(api);
}

/** Unique among all requests ever, without chance or a clock for each. */
function createRequestIds(random: Random): () => string {
  const start = random.bytes(6).toHex();
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count.toString(36)}`;
  };
}

/** Room for text messages, and beside one large message. */
const socketSlackBytes = 4 * 1024 * 1024;
