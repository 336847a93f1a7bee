// Puts an agent together: clock, chance, files, hashes and TLS of this machine, a runner that is handed in. What
// it opened is closed when it ends, however it ends.

import { isAbsolute, join } from "node:path";
import { toServerAddress } from "../agent/transfer/address.ts";
import { createAgent, type Agent } from "../agent/agent.ts";
import type { AgentEnd } from "../agent/ending.ts";
import { openIdentity } from "../agent/identity.ts";
import { createFreshFolders, createSharedFolders } from "../agent/job-folders.ts";
import type { Runner } from "../agent/runner.ts";
import { openSpool } from "../agent/spool/spool.ts";
import { createTransfers } from "../agent/transfer/transfer.ts";
import { createSha256, sha256Hex } from "../blobs/hashing.ts";
import { ClientError } from "../client/client-error.ts";
import { workerNameCharactersMax, workerWindowMax } from "../domain/limits.ts";
import { createSystemClock } from "../platform/clock.ts";
import { makePrivateDirectory, removeTree } from "../platform/durable-files.ts";
import { createIds } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import { createMemoryPressure } from "../platform/memory-pressure.ts";
import { environment, homeFolder } from "../platform/program.ts";
import { createSystemRandom } from "../platform/random.ts";
import { StartError } from "../platform/start-error.ts";
import { atEndOfTurn } from "../platform/turn.ts";
import { version } from "../platform/version.ts";
import { createWebFetch } from "../platform/web-fetch.ts";
import type { WorkerResources, WorkerVitals } from "../protocol/worker-messages.ts";
import { holdLock } from "../store/sqlite/lock-file.ts";

/** Whom to trust: what the runtime's TLS takes, handed to WebSocket and fetch as it is. */
export type AgentTls = { readonly ca: string } & { readonly [option: string]: unknown };

export type AgentOptions = {
  /** The server's address, http(s) or ws(s), with what a proxy puts before /api. */
  readonly url: string;
  readonly token: string;
  /** Null trusts what this machine trusts. */
  readonly tls: AgentTls | null;
  readonly name: string;
  /** Types it serves; none on a server without types. */
  readonly types: readonly string[];
  /** Jobs that run at one time. */
  readonly slots: number;
  /** Jobs that are held at one time, running ones included; left out, slots and half as many ahead. */
  readonly window?: number;
  readonly resources: WorkerResources;
  readonly arch: string;
  readonly os: string;
  /** Below it each pair of server and agent has a folder; null is the user's folder for state. */
  readonly stateFolder: string | null;
  readonly runner: Runner;
  readonly vitals: () => WorkerVitals;
  /** How long running jobs may go on once the agent is asked to end. */
  readonly drainMs: number;
  /** Ends after so long without a job; null never. */
  readonly idleTimeoutMs: number | null;
  /** Drains after so long; null never. */
  readonly lifetimeMs: number | null;
  /** Ends after one job; the exit code is then the job's: 0 done, 1 failed. */
  readonly once: boolean;
  /** Left out or false: it may be killed, and started again. True: nothing of it outlives this process. */
  readonly isTemporary?: boolean;
  readonly log: Log;
  /** A line for the person at the terminal. */
  readonly onNotice: (line: string) => void;
};

export type RunningAgent = {
  /** Never rejects. Nothing of the agent is left when it resolves. */
  readonly done: Promise<AgentEnd>;
  /** No new jobs; ends when the running ones have, at most `drainMs` later. May be called twice. */
  drain(): void;
  /** Gives everything back at once, uncharged, and ends within seconds. Called again, it waits for no receipts. */
  preempt(): void;
};

export function startAgent(options: AgentOptions): RunningAgent {
  let asked: "drain" | "preempt" | null = null;
  let agent: Agent | null = null;
  const run = async (): Promise<AgentEnd> => {
    await using opened = new AsyncDisposableStack();
    opened.defer(() => options.runner.close());
    agent = await assemble(options, opened);
    if (asked !== null) agent[asked]();
    return await agent.done;
  };
  return {
    done: run().catch((error: unknown) => {
      if (error instanceof StartError) return { exitCode: error.exitCode, why: error.message };
      if (error instanceof ClientError) return { exitCode: usageExitCode, why: error.detail };
      options.log.error("agent.broken", error);
      return { exitCode: serverExitCode, why: `The worker cannot run: ${String(error)}` };
    }),
    drain() {
      asked ??= "drain";
      agent?.drain();
    },
    preempt() {
      asked = "preempt";
      agent?.preempt();
    },
  };
}

const usageExitCode = 2;
const serverExitCode = 3;

async function assemble(options: AgentOptions, opened: AsyncDisposableStack): Promise<Agent> {
  const { log, slots, token, isTemporary = false } = options;
  if (!/^[\x20-\x7e]{1,1024}$/.test(token)) {
    throw new StartError(2, "The token has characters that no token has. Copy it anew.");
  }
  const { apiUrl, socketUrl } = toServerAddress(options.url);
  const clock = createSystemClock();
  const random = createSystemRandom();
  const identity = await openIdentity(
    { makeId: createIds(clock, random), random, log, holdLock },
    { base: options.stateFolder ?? defaultStateFolder(), serverHash: shortHash(apiUrl) },
  );
  opened.defer(() => identity.close());
  const [jobsFolder, payloadsFolder] = await emptyFolders(identity.folder, ["jobs", "payloads"]);
  const shared = { clock, random, log, createHash: createSha256, pressure: createMemoryPressure() };
  const spool = await openSpool(join(identity.folder, "spool"), { log, sha256Hex, isTemporary });
  const transfers = createTransfers({ ...shared, apiUrl, fetch: createWebFetch(options.tls) });
  const window = options.window ?? slots + Math.max(1, Math.floor(slots / 2));
  const deps = {
    ...shared,
    atEndOfTurn,
    sha256Hex,
    spool,
    folders: isTemporary ? createSharedFolders(jobsFolder) : createFreshFolders(jobsFolder),
    transfers,
    runner: options.runner,
    vitals: options.vitals,
    onNotice: options.onNotice,
    renewIdentity: () => identity.renew(),
  };
  return createAgent(deps, {
    ...options,
    socketUrl,
    payloadsFolder,
    window: options.once ? 1 : Math.min(window, workerWindowMax),
    hello: {
      worker_id: identity.workerId,
      boot_id: identity.bootId,
      name: options.name.slice(0, workerNameCharactersMax),
      types: [...options.types],
      slots: options.once ? 1 : slots,
      resources: options.resources,
      arch: options.arch,
      os: options.os,
      agent: `gridlike/${version}`,
      features: [],
    },
  });
}

/** Where the system wants what programs keep for themselves. */
function defaultStateFolder(): string {
  const { XDG_STATE_HOME: given } = environment();
  if (given !== undefined && isAbsolute(given)) return join(given, "gridlike");
  const home = homeFolder();
  if (home !== null) return join(home, ".local", "state", "gridlike");
  throw new StartError(3, "This user has no home folder. Name a folder for the worker's state.");
}

/** Servers have agents of their own: what waits for one is not told to another. */
function shortHash(apiUrl: string): string {
  return sha256Hex(new TextEncoder().encode(apiUrl)).slice(0, 12);
}

/** What a killed run left in them is of no use. */
async function emptyFolders(folder: string, names: readonly [string, string]) {
  const [first, second] = names.map((name) => join(folder, name)) as [string, string]; // As many as names.
  for (const path of [first, second]) {
    await removeTree(path);
    await makePrivateDirectory(path);
  }
  return [first, second] as const;
}
