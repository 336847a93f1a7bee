// Runs a worker until it is asked to end, has nothing more to do, or the server refuses it. Everything that can be wrong
// with the command line is told before a server is asked; a server that is away is waited for.

import { loadWorkerPolicy, policyPath } from "../config/worker-policy.ts";
import { GridError } from "../domain/errors.ts";
import { serviceDrainMs } from "./limits.ts";
import { createSystemClock } from "../platform/clock.ts";
import { hardenProcess } from "../platform/harden.ts";
import { exitOnUncaught } from "../platform/last-resort.ts";
import type { TlsOptions } from "../platform/pinned-tls.ts";
import {
  environment,
  exitAfterOutput,
  exitWhenDone,
  homeFolder,
  keepFilesPrivate,
  writeStderr,
} from "../platform/program.ts";
import { createSystemRandom } from "../platform/random.ts";
import { onEveryStopSignal, type StopSignal } from "../platform/signals.ts";
import { onStdinEnd } from "../platform/stdin-end.ts";
import { findTrusted } from "../wiring/trusted-server.ts";
import { prepareWorker, type ReadyWorker } from "../wiring/worker.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice } from "./output.ts";
import { toSafeText } from "./safe-text.ts";
import { UsageMistake } from "./trouble.ts";
import { findGrid, type GridToJoin } from "./worker-start/find-grid.ts";
import {
  nothingToRun,
  readWorkerOptions,
  type WorkerStartOptions,
  type WorkerStartValues,
} from "./worker-start/read-options.ts";
import { createSayings, type Sayings } from "./worker-start/say.ts";

export async function workerStart(
  words: readonly string[],
  values: WorkerStartValues,
): Promise<void> {
  try {
    const options = readWorkerOptions(words, values);
    const grid = findGrid(options.grid);
    if (typeof grid === "string") throw new UsageMistake(grid);
    await start(options, grid);
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    printNotice(`gridlike: ${toSafeText(error.message)}`);
    exitWhenDone(exitCode.usage);
  }
}

async function start(options: WorkerStartOptions, grid: GridToJoin): Promise<void> {
  const loaded = await loadWorkerPolicy(
    options.policyFile,
    policyPath(environment(), homeFolder()),
  );
  if (loaded.kind === "refused") throw new UsageMistake(loaded.problems.join("\n"));
  const isCommandServed = options.isCommandServed || loaded.policy.allowCommands;
  const { command, functions } = options.worker;
  if (command === null && functions === null && !isCommandServed) {
    throw new UsageMistake(nothingToRun);
  }
  const clock = createSystemClock();
  const say = createSayings(options.logForm, { clock, write: writeStderr });
  exitOnUncaught(say.log);
  keepFilesPrivate();
  hardenProcess();
  const asked = listenForStops(); // Before a service is started, which must not be left behind.
  const worker = await prepareWorker({
    ...options.worker,
    isCommandServed,
    policy: { ...loaded.policy, allowCommands: isCommandServed },
    log: say.log,
    onFailure: say.jobFailed,
  });
  if (typeof worker === "string") throw new UsageMistake(worker);
  introduce(worker, grid, say);
  exitAfterOutput(await work(worker, { options, grid, say, asked }));
}

function introduce(worker: ReadyWorker, grid: GridToJoin, say: Sayings): void {
  const { name, types, slots } = worker;
  const named = types.map((type) => (type === "" ? "jobs without a type" : type));
  const served = named.length === 0 ? "jobs without a type" : named.join(", ");
  say.notice(`Worker ${name} serves ${served}; ${slots} at a time. ${worker.machine}`);
  for (const notice of worker.notices) say.notice(notice);
  const isSaid = grid.urlFrom === null || grid.urlFrom === "--server";
  say.notice(`Joining ${grid.url}${isSaid ? "" : ` (from ${grid.urlFrom})`}.`);
}

type Setting = {
  readonly options: WorkerStartOptions;
  readonly grid: GridToJoin;
  readonly say: Sayings;
  readonly asked: Stops;
};

/** Requests to stop: at first a signal for what waits, later whatever the running worker makes of each. */
type Stops = {
  readonly first: AbortSignal;
  each(call: (signal: StopSignal, count: number) => void): void;
};

function listenForStops(): Stops {
  const first = new AbortController();
  let onStop: (signal: StopSignal, count: number) => void = () => first.abort();
  onEveryStopSignal((signal, count) => onStop(signal, count));
  return {
    first: first.signal,
    each(call) {
      onStop = call;
    },
  };
}

/** Answers with the exit code. */
async function work(worker: ReadyWorker, { options, grid, say, asked }: Setting): Promise<number> {
  const clock = createSystemClock();
  const tls = await trustedTls(grid, { ...options, say, stop: asked.first });
  if (typeof tls === "number") {
    await worker.close();
    return tls;
  }
  const agent = worker.join({
    url: grid.url,
    token: grid.token ?? anyToken,
    tls,
    stateFolder: options.stateFolder,
    drainMs: options.drainMs ?? Infinity,
    idleTimeoutMs: options.idleTimeoutMs,
    lifetimeMs: options.lifetimeMs,
    once: options.isOnce,
    onNotice: (line) => say.notice(withHint(line, grid)),
  });
  if (options.isUntilStdinEnds) onStdinEnd(() => agent.preempt());
  asked.each((signal, count) => {
    if (count >= signalsUntilExit) return exitAfterOutput(exitCode.interrupted);
    if (count > 1) return agent.preempt();
    if (signal === "SIGINT") say.notice("Ending. Ctrl-C again gives back what still runs.");
    agent.drain();
    const isService = signal === "SIGTERM" && options.drainMs === null;
    if (isService) clock.after(serviceDrainMs, () => agent.preempt());
  });
  const end = await agent.done;
  if (!say.wasSaid(withHint(end.why, grid))) say.notice(withHint(end.why, grid));
  return end.exitCode;
}

/** A server without authentication takes any token, and the protocol wants one. */
const anyToken = "none";

/** The first signal drains, the second gives back, the third waits for nothing, and then there is no patience left. */
const signalsUntilExit = 4;

/** What the connection is to trust; an exit code where there is to be none. */
async function trustedTls(
  { url, pin }: GridToJoin,
  {
    idleTimeoutMs,
    say,
    stop,
  }: {
    readonly idleTimeoutMs: number | null;
    readonly say: Sayings;
    readonly stop: AbortSignal;
  },
): Promise<TlsOptions | number | null> {
  if (stop.aborted) return exitCode.ok;
  if (pin === null) return null;
  const clock = createSystemClock();
  const idle = new AbortController();
  const timer = idleTimeoutMs === null ? null : clock.after(idleTimeoutMs, () => idle.abort());
  try {
    const deps = { clock, random: createSystemRandom(), onNotice: say.notice };
    const tls = await findTrusted({ url, pin }, deps, AbortSignal.any([stop, idle.signal]));
    if (tls !== null && !stop.aborted) return tls;
    if (stop.aborted) return exitCode.ok;
    say.notice("The server was never reached.");
    return exitCode.unavailable;
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    say.notice(`gridlike: ${error.message}`);
    return error.code === "forbidden" ? exitCode.refused : exitCode.usage;
  } finally {
    timer?.cancel();
  }
}

/** What the person can do about it, where the agent cannot know. */
function withHint(line: string, { token, tokenFrom, pin }: GridToJoin): string {
  if (line.startsWith("The server does not know this worker's token.")) {
    if (token === null) return "The server wants a token, and none was given: --join TOKEN.";
    const from = tokenFrom === null ? "" : ` The token comes from ${tokenFrom}.`;
    return `The server does not know this worker's token.${from} It has to be the worker token, not the API key.`;
  }
  if (pin === null && /certificate/i.test(line)) {
    return `${line} If the server made its certificate itself, give its --pin.`;
  }
  return line;
}
