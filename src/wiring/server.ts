// Puts the parts of a server together and takes them apart again in order: directory, records and bytes,
// credentials, broker, doors. What was opened is closed when a later part fails.

import type { Broker } from "../broker/broker.ts";
import { createBroker } from "../broker/create-broker.ts";
import { createSha256 } from "../blobs/hashing.ts";
import type { Config, ServerConfig } from "../config/config.ts";
import { networksContain } from "../platform/addresses.ts";
import { createSystemClock } from "../platform/clock.ts";
import { readTextOrNull } from "../platform/durable-files.ts";
import { createIds } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import { createSystemRandom } from "../platform/random.ts";
import { machineName } from "../platform/program.ts";
import { StartError } from "../platform/start-error.ts";
import { version } from "../platform/version.ts";
import { createApp } from "../server/app.ts";
import { listen, type Listener } from "../server/listen.ts";
import { countStart } from "./count-start.ts";
import { resolveCredentials, type Credentials, type FirstRunSink } from "./credentials.ts";
import { openDataDirectory } from "./data-dir.ts";
import { openProviders, type Providers } from "./providers.ts";
import { declareTypes } from "./declare-types.ts";
import { keepHighWater } from "./keep-high-water.ts";

export type StartOptions = {
  readonly config: Config;
  readonly log: Log;
  readonly firstRun: FirstRunSink;
  /** Called once when the disk failed: nothing more can be promised, and the process is to end with 74. */
  readonly onBroken: (error: unknown) => void;
};

export type RunningServer = {
  readonly url: string;
  /** Ends in order; may be called twice. */
  stop(): Promise<void>;
};

export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, log, firstRun, onBroken } = options;
  const parts = { clock: createSystemClock(), random: createSystemRandom(), log };
  await using opened = new AsyncDisposableStack();
  const directory = await openDataDirectory({ path: config.server.dataDir, ...parts });
  opened.defer(() => directory.close());
  const providers = await openProviders({ config, directory, random: parts.random, onBroken });
  opened.defer(() => providers.jobs.close());
  opened.defer(() => providers.blobs.close());

  const incarnation = await countStart(directory, providers.jobs, config.database.durability);
  await declareTypes(providers.jobs, config.types);
  const credentials = await resolveCredentials({
    auth: config.auth,
    settings: providers.jobs,
    random: parts.random,
    firstRun,
  });
  const broker = assembleBroker(config, { ...parts, ...providers, credentials, incarnation });
  const highWater = keepHighWater({ ...parts, directory, jobs: providers.jobs, incarnation });
  opened.defer(() => highWater.stop());
  await broker.start();
  opened.defer(() => broker.stop());

  const listener = await openDoors(config, { ...parts, broker, credentials });
  opened.defer(() => {
    broker.drain();
    return listener.stop();
  });
  const url = listener.url.href;
  await directory.noteAddress(url);
  log.info("server.listening", { url, port: listener.port, incarnation, version });

  const running = opened.move();
  return { url, stop: () => running.disposeAsync() };
}

type Parts = {
  readonly clock: ReturnType<typeof createSystemClock>;
  readonly random: ReturnType<typeof createSystemRandom>;
  readonly log: Log;
};

function assembleBroker(
  config: Config,
  parts: Parts & Providers & { readonly credentials: Credentials; readonly incarnation: number },
): Broker {
  return createBroker({
    ...parts,
    makeId: createIds(parts.clock, parts.random),
    types: config.types,
    smallBlobBytesMax: config.storage.smallBlobBytesMax,
    classicBytesMax: config.storage.classicBytesMax,
    kickAfterMs: config.auth.kickAfterMs,
    verifyWorkerToken: (token) => parts.credentials.verifyWorker(token),
    durability: config.database.durability,
  });
}

async function openDoors(
  { server, storage }: Config,
  parts: Parts & { readonly broker: Broker; readonly credentials: Credentials },
): Promise<Listener> {
  const app = createApp({
    ...parts,
    auth: { verifyApi: (token) => parts.credentials.verifyApi(token ?? "") },
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
  const tls = await readTls(server);
  return listen(app, { host: server.host, port: server.port, tls, clock: parts.clock });
}

async function readTls({ tls }: ServerConfig) {
  if (tls === null) return null;
  return { cert: await requireText(tls.certFile), key: await requireText(tls.keyFile) };
}

async function requireText(path: string): Promise<string> {
  const text = await readTextOrNull(path);
  if (text !== null) return text;
  throw new StartError(2, `The file ${path} does not exist. Name the PEM files in [server.tls].`);
}
