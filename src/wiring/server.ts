// Puts the parts of a server together and takes them apart again in order: directory, records and bytes,
// credentials, broker, doors. What was opened is closed when a later part fails.

import type { Broker } from "../broker/broker.ts";
import { createBroker } from "../broker/create-broker.ts";
import { createSha256 } from "../blobs/hashing.ts";
import type { PartStore } from "../blobs/part-store.ts";
import type { Config, ServerConfig } from "../config/config.ts";
import { unreachable } from "../domain/assert.ts";
import { machineAddresses, networksContain } from "../platform/addresses.ts";
import { createSystemClock } from "../platform/clock.ts";
import { readTextOrNull } from "../platform/durable-files.ts";
import { createIds } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import type { Pin } from "../platform/pin.ts";
import { createSystemRandom } from "../platform/random.ts";
import { machineName } from "../platform/program.ts";
import { StartError } from "../platform/start-error.ts";
import { version } from "../platform/version.ts";
import { createApp } from "../server/app.ts";
import type { Backups } from "../server/backup-routes.ts";
import { listen, type Listener } from "../server/listen.ts";
import { openBackups } from "./back-up.ts";
import { countStart } from "./count-start.ts";
import { resolveCredentials, type Credentials, type FirstRunSink } from "./credentials.ts";
import { openDataDirectory } from "./data-dir.ts";
import { declareTypes } from "./declare-types.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { keepHighWater } from "./keep-high-water.ts";
import { openStorage, type Storage } from "./storage.ts";
import { openUploads } from "./uploads.ts";

export type StartOptions = {
  readonly config: Config;
  readonly log: Log;
  readonly firstRun: FirstRunSink;
  /** Called once when the disk failed: nothing more can be promised, and the process is to end with 74. */
  readonly onBroken: (error: unknown) => void;
};

export type RunningServer = {
  readonly url: string;
  /** Of the certificate that the server made itself; null for another one and for plain HTTP. */
  readonly pin: Pin | null;
  /** Ends in order; may be called twice. */
  stop(): Promise<void>;
};

export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, log, firstRun, onBroken } = options;
  const parts = { clock: createSystemClock(), random: createSystemRandom(), log };
  await using opened = new AsyncDisposableStack();
  const directory = await openDataDirectory({ path: config.server.dataDir, ...parts });
  opened.defer(() => directory.close());
  const tls = await openTls(config.server, { ...parts, directory: directory.path });
  const storage = await openStorage({ config, directory, ...parts, onBroken });
  opened.defer(() => storage.close());
  const uploads = await openUploads({ directory, ...parts, onBroken });
  opened.defer(() => uploads.close());

  const { jobs } = storage.staged;
  const incarnation = await countStart(directory, jobs, config.database.durability);
  await declareTypes(jobs, config.types);
  const credentials = await resolveCredentials({
    auth: config.auth,
    settings: jobs,
    random: parts.random,
    firstRun,
  });
  const broker = assembleBroker(config, { ...parts, ...storage, credentials, incarnation });
  const highWater = keepHighWater({ ...parts, directory, jobs, incarnation });
  opened.defer(() => highWater.stop());
  await broker.start();
  opened.defer(() => broker.stop());
  const housekeeping = startHousekeeping({
    ...parts,
    ...storage,
    broker,
    retention: config.retention,
  });
  opened.defer(() => housekeeping.stop());

  const backups = await openBackups({ ...parts, ...storage, ...storage.staged, directory });
  opened.defer(() => backups.close());

  const doors = { ...parts, ...uploads, backups, broker, credentials, tls };
  const listener = openDoors(config, doors);
  opened.defer(() => {
    broker.drain();
    return listener.stop();
  });
  const url = listener.url.href;
  await directory.noteAddress(url);
  log.info("server.listening", { url, port: listener.port, incarnation, version });

  const running = opened.move();
  return { url, pin: tls?.pin ?? null, stop: () => running.disposeAsync() };
}

type Parts = {
  readonly clock: ReturnType<typeof createSystemClock>;
  readonly random: ReturnType<typeof createSystemRandom>;
  readonly log: Log;
};

function assembleBroker(
  config: Config,
  parts: Parts & Storage & { readonly credentials: Credentials; readonly incarnation: number },
): Broker {
  return createBroker({
    ...parts,
    jobs: parts.staged.jobs,
    blobs: parts.staged.blobs,
    makeId: createIds(parts.clock, parts.random),
    types: config.types,
    smallBlobBytesMax: config.storage.smallBlobBytesMax,
    classicBytesMax: config.storage.classicBytesMax,
    kickAfterMs: config.auth.kickAfterMs,
    verifyWorkerToken: (token) => parts.credentials.verifyWorker(token),
    durability: config.database.durability,
    name: config.server.name,
    placement: config.placement,
  });
}

function openDoors(
  { server, storage }: Config,
  parts: Parts & {
    readonly broker: Broker;
    readonly credentials: Credentials;
    readonly partStore: PartStore;
    readonly backups: Backups;
    readonly tls: ServerTls | null;
  },
): Listener {
  const { credentials, tls } = parts;
  const app = createApp({
    ...parts,
    auth: {
      verifyApi: (token) => credentials.verifyApi(token ?? ""),
      verifyWorker: (token) => credentials.verifyWorker(token ?? ""),
    },
    createHash: createSha256,
    isProxy: networksContain(server.behindProxy),
    settings: {
      pathBase: server.pathBase,
      host: server.host,
      names: [server.name, machineName()],
      classicBytesMax: server.classic ? storage.classicBytesMax : null,
      isProxied: server.behindProxy.length > 0,
      version,
    },
  });
  const pem = tls === null ? null : { cert: tls.cert, key: tls.key };
  return listen(app, { host: server.host, port: server.port, tls: pem, clock: parts.clock });
}

/** Texts in PEM. */
type ServerTls = { readonly cert: string; readonly key: string; readonly pin: Pin | null };

async function openTls(
  { tls, host, name }: ServerConfig,
  { directory, log }: { readonly directory: string; readonly log: Log },
): Promise<ServerTls | null> {
  if (tls === null) return null;
  switch (tls.kind) {
    case "files":
      return {
        cert: await requireText(tls.certFile),
        key: await requireText(tls.keyFile),
        pin: null,
      };
    case "own": {
      const { openOwnCertificate } = await import("./own-certificate.ts");
      const hosts = [host, machineName(), ...machineAddresses()];
      return openOwnCertificate({ directory, name, hosts, log });
    }
    default:
      return unreachable(tls);
  }
}

async function requireText(path: string): Promise<string> {
  const text = await readTextOrNull(path);
  if (text !== null) return text;
  throw new StartError(2, `The file ${path} does not exist. Name the PEM files in [server.tls].`);
}
