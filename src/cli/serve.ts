// Runs a server from its configuration until it is asked to stop. Says where it listens; the rest is the log's.

import type { Config } from "../config/config.ts";
import { contextPath } from "../config/context.ts";
import { loadConfig } from "../config/load-config.ts";
import type { ConfigFlag } from "../config/read-config.ts";
import { GridError } from "../domain/errors.ts";
import { commandType } from "../domain/job-type.ts";
import { stopMsMax } from "./limits.ts";
import { createSystemClock } from "../platform/clock.ts";
import { errorCodeOf } from "../platform/durable-files.ts";
import { exitOnUncaught } from "../platform/last-resort.ts";
import { createLog } from "../platform/log.ts";
import type { Log } from "../platform/log.ts";
import {
  environment,
  exitAfterOutput,
  exitWhenDone,
  homeFolder,
  isUnwatchedContainer,
  keepFilesPrivate,
  outliveReaders,
  writeStderr,
} from "../platform/program.ts";
import { StartError } from "../platform/start-error.ts";
import { onStopSignal } from "../platform/signals.ts";
import { version } from "../platform/version.ts";
import { startServer } from "../wiring/server.ts";
import type { RunningServer } from "../wiring/server.ts";
import { exitCode } from "./exit-code.ts";
import { createFirstRun } from "./first-run.ts";
import type { FirstRun, ServedAt } from "./first-run.ts";
import { joinNotices } from "./join-line.ts";
import type { JoinAccess, JoinPlaces } from "./join-line.ts";
import { printNotice, printResult } from "./output.ts";
import { servedUrls } from "./served-urls.ts";

export type ServeOptions = {
  /** The configuration file, or null for none. */
  readonly file: string | null;
  /** Only say whether the configuration is right. */
  readonly isCheck: boolean;
  readonly flags: readonly ConfigFlag[];
  /** What runs beside the server, if anything does. */
  readonly companion?: Companion;
};

/** Something that runs in its own process while the server does, such as a worker. */
export type Companion = {
  /** What is said of a server that listens. */
  notices(places: JoinPlaces): readonly string[];
  /** `token` is null where none is needed, or known. */
  begin(at: ServedAt & { readonly token: string | null }): {
    /** Resolves with an exit code where there is no use in going on. */
    readonly givenUp: Promise<number>;
    /** Called before the server stops. */
    stop(): Promise<void>;
  };
};

export async function serve({ file, isCheck, flags, companion }: ServeOptions): Promise<void> {
  const loaded = loadConfig(file, flags);
  if (loaded.kind === "refused") {
    for (const problem of loaded.problems) printNotice(problem);
    return exitWhenDone(exitCode.usage);
  }
  if (isCheck) return printResult(summary(loaded.config));
  const fullLog = createLog(createSystemClock(), writeStderr);
  // Who also runs a companion is a person at a terminal, and wants to know only of what is wrong.
  const log = companion === undefined ? fullLog : { ...fullLog, info: () => {} };
  exitOnUncaught(log);
  keepFilesPrivate();
  outliveReaders();
  // From here on a stop is heard, also one that comes while the server is starting.
  const asked = new Promise<string>((resolve) => onStopSignal(resolve));
  const firstRun = createFirstRun({
    server: loaded.config.server,
    contextPath: contextPath(environment(), homeFolder()),
    isUnwatched: isUnwatchedContainer(),
    print: printNotice,
  });
  const onBroken = (error: unknown) => {
    log.error("disk.failed", error);
    exitAfterOutput(exitCode.disk);
  };
  const { config } = loaded;
  const server = await startServer({ config, log, firstRun, onBroken }).catch((error) => {
    printNotice(`gridlike: ${startProblem(error, config)}`);
    return error instanceof StartError ? error.exitCode : exitCode.unavailable;
  });
  if (typeof server === "number") return exitAfterOutput(server);
  const { places, token } = await noteWhereItIs(server, config, firstRun);
  const { dataDir } = config.server;
  printNotice(`GridLike ${version} listens at ${server.url} and keeps its data in ${dataDir}`);
  const notices = companion?.notices(places) ?? joinNotices(places);
  for (const line of notices) printNotice(line);
  const beside = companion?.begin({ url: places.localUrl, pin: places.pin, token });
  const why = await Promise.race([asked, ...(beside === undefined ? [] : [beside.givenUp])]);
  await beside?.stop();
  log.info("server.stopping", { signal: why });
  const code = await stop(server, log);
  exitAfterOutput(code === exitCode.ok && typeof why === "number" ? why : code);
}

/** Notes the address for later commands, and answers with how workers join. */
async function noteWhereItIs(
  { url, pin }: RunningServer,
  { server, auth }: Config,
  firstRun: FirstRun,
): Promise<{ readonly places: JoinPlaces; readonly token: string | null }> {
  const { local, outward } = await servedUrls(url, server);
  const kept = await firstRun.listening({ url: local, pin });
  const made = auth.worker.kind === "generated" ? (kept?.workerToken ?? null) : null;
  const isOpen = auth.worker.kind === "none";
  const places = {
    localUrl: local,
    outwardUrl: outward,
    access: isOpen ? ({ kind: "open" } as const) : accessBy(made),
    pin,
    isInContext: kept !== null && kept.isInContext && (isOpen || made !== null),
  };
  return { places, token: auth.worker.kind === "given" ? auth.worker.secret : made };
}

/** What is printed in an unwatched container ends in a log, where no secret belongs. */
function accessBy(token: string | null): JoinAccess {
  return token === null || isUnwatchedContainer() ? { kind: "file" } : { kind: "token", token };
}

async function stop(server: { stop(): Promise<void> }, log: Log): Promise<number> {
  const overdue = new Promise<"overdue">((resolve) => {
    createSystemClock().after(stopMsMax, () => resolve("overdue"));
  });
  const outcome = await Promise.race([server.stop(), overdue]);
  if (outcome === "overdue") {
    log.warn("server.stop_overdue", { ms: stopMsMax });
    return exitCode.unavailable;
  }
  log.info("server.stopped");
  return exitCode.ok;
}

/** Why the server could not start, as a sentence with its remedy. What we cannot name is a bug: it is thrown on. */
function startProblem(error: unknown, { server }: Config): string {
  if (error instanceof GridError || error instanceof StartError) return error.message;
  const where = `${server.host}, port ${server.port}`;
  switch (errorCodeOf(error)) {
    case "EADDRINUSE":
      return `Something listens at ${where} already. Stop it, or choose another port with --port.`;
    case "EADDRNOTAVAIL":
      return `This machine has no address ${server.host}. Set server.host to one it has, or to 0.0.0.0.`;
    case "EACCES":
    case "EPERM":
      return `This user may not use ${where}, or not write in ${server.dataDir}. Choose a port above 1023, or another folder.`;
    default:
      throw error;
  }
}

function summary({ file, types, server }: Config): string {
  const named = types.filter(({ name }) => name !== "" && name !== commandType);
  const counted =
    named.length === 0 ? "no types" : `${named.length} type${named.length === 1 ? "" : "s"}`;
  return `${file ?? "The configuration"} is valid: ${counted}, data in ${server.dataDir}`;
}
