// Stops a server of this machine: the one that commands talk to, or the one of a data directory that is named.

import { loadConfig } from "../../config/load-config.ts";
import { createSystemClock } from "../../platform/clock.ts";
import { exitWhenDone } from "../../platform/program.ts";
import { onStopSignal } from "../../platform/signals.ts";
import { StartError } from "../../platform/start-error.ts";
import { stopServer } from "../../wiring/stop-server.ts";
import { exitCode } from "../exit-code.ts";
import { serverStopLookMs, serverStopMsMax } from "../limits.ts";
import { printNotice, printResult } from "../output.ts";
import { findServer } from "../server-address.ts";

export type ServerStopOptions = {
  /** A name in context.toml. */
  readonly server: string | null;
  readonly dataDir: string | null;
  /** A configuration file, which names the data directory. */
  readonly file: string | null;
};

export async function serverStop(options: ServerStopOptions): Promise<void> {
  const path = dataDirOf(options);
  if (path === null) return exitWhenDone(exitCode.usage);
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  try {
    const pid = await stopServer({
      path,
      clock: createSystemClock(),
      stop: stop.signal,
      waitMs: serverStopMsMax,
      lookMs: serverStopLookMs,
    });
    if (pid === null) printNotice(`No server runs on ${path}.`);
    else printResult(`Stopped the server of ${path} (process ${pid}).`);
    exitWhenDone(exitCode.ok);
  } catch (error) {
    if (stop.signal.aborted) {
      printNotice("Interrupted. The server was asked to stop and is stopping.");
      return exitWhenDone(exitCode.interrupted);
    }
    if (!(error instanceof StartError)) throw error;
    printNotice(`gridlike: ${error.message}`);
    exitWhenDone(error.exitCode);
  }
}

/** Null when there is none, which is told. */
function dataDirOf({ server, dataDir, file }: ServerStopOptions): string | null {
  if (dataDir !== null) return dataDir;
  if (file === null) {
    const found = findServer({ name: server, url: null });
    if (typeof found !== "string" && found.dataDir !== undefined) return found.dataDir;
    if (typeof found === "string") {
      printNotice(`gridlike: ${found}`);
      return null;
    }
    if (server !== null || found.urlFrom !== null) {
      printNotice(
        `gridlike: The server at ${found.url} is none that this machine's context.toml has the data directory of. Stop it where it runs, or name its directory with --data-dir.`,
      );
      return null;
    }
  }
  const loaded = loadConfig(file, []);
  if (loaded.kind !== "refused") return loaded.config.server.dataDir;
  for (const problem of loaded.problems) printNotice(problem);
  return null;
}
