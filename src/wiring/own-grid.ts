// A server and a worker of this process's own, for a command that finds no server: in a temporary folder, on the
// loopback, with keys that nobody else knows. It runs what the caller sends, as the caller, and is gone afterwards.

import { createShippedCommandRunner } from "../agent/command/run-shipped-command.ts";
import { readConfig } from "../config/read-config.ts";
import type { Config } from "../config/config.ts";
import { assert } from "../domain/assert.ts";
import { createSystemClock } from "../platform/clock.ts";
import { removeTree } from "../platform/durable-files.ts";
import { createSilentLog } from "../platform/log.ts";
import { makeTemporaryFolder } from "../platform/own-machine.ts";
import { createProcessTrees } from "../platform/process-tree.ts";
import { createSystemRandom } from "../platform/random.ts";
import { commandType } from "../protocol/shipped-command.ts";
import { startAgent } from "./agent.ts";
import { startServer } from "./server.ts";

export type OwnGridOptions = {
  /** Jobs that run at a time. */
  readonly slots: number;
  /** What commands find in their environment. */
  readonly environment: { readonly [name: string]: string };
  readonly onNotice: (line: string) => void;
  /** The disk failed, or the worker ended by itself: nothing more will come. */
  readonly onBroken: (error: unknown) => void;
};

export type OwnGrid = {
  readonly url: string;
  readonly token: string;
  /** Ends what runs and removes all that was kept. May be called twice. */
  stop(): Promise<void>;
};

export async function startOwnGrid(options: OwnGridOptions): Promise<OwnGrid> {
  await using opened = new AsyncDisposableStack();
  const folder = await makeTemporaryFolder("gridlike-map");
  opened.defer(() => removeTree(folder));
  const random = createSystemRandom();
  const [token, workerToken] = [random.bytes(32).toHex(), random.bytes(32).toHex()];
  const log = createSilentLog();
  const server = await startServer({
    config: configOf(folder, token, workerToken),
    log,
    firstRun: { keep: () => Promise.resolve() },
    onBroken: options.onBroken,
  });
  opened.defer(() => server.stop());
  const clock = createSystemClock();
  const agent = startAgent({
    url: server.url,
    token: workerToken,
    tls: null,
    name: "map",
    types: [commandType],
    slots: options.slots,
    window: 2 * options.slots + aheadCount,
    resources: {},
    arch: "",
    os: "",
    stateFolder: `${folder}/worker`,
    runner: createShippedCommandRunner({
      trees: createProcessTrees({ clock }),
      clock,
      environment: options.environment,
    }),
    vitals: () => ({}),
    drainMs: 0,
    idleTimeoutMs: null,
    lifetimeMs: null,
    once: false,
    isTemporary: true,
    log,
    onNotice: options.onNotice,
  });
  let isStopping = false;
  void agent.done.then(({ why }) => {
    if (!isStopping) options.onBroken(new Error(`The worker of this map ended: ${why}`));
  });
  opened.defer(() => {
    isStopping = true;
    agent.preempt();
    return agent.done.then(() => {});
  });
  const running = opened.move();
  return { url: server.url, token, stop: () => running.disposeAsync() };
}

/** Short commands are over before the next one could be asked for, so some wait in the worker's hands. */
const aheadCount = 16;

function configOf(folder: string, apiKey: string, workerToken: string): Config {
  const text = `
    [server]
    name = "map"
    port = 0
    classic = false
    data_dir = ${JSON.stringify(`${folder}/data`)}
    [database]
    durability = "process"
    [storage]
    low_disk_bytes = 0
    low_disk_percent = 0
    [auth.api]
    key = "${apiKey}"
    [auth.worker]
    token = "${workerToken}"
    [types.${commandType}]
  `;
  const read = readConfig({
    file: { path: `${folder}/map.toml`, text },
    environment: {}, // Variables for a server of the user's are not meant for this one.
    flags: [],
    folder,
    readText: () => ({ kind: "missing", problem: "does not exist" }),
    addresses: [],
  });
  assert(read.kind === "config", "the configuration of a map's own server is right");
  return read.config;
}
