// A whole grid in one command: a server, and beside it a worker for this machine that runs what clients send. The worker
// is a process of its own, which ends before the server, and with it whatever happens.

import type { ConfigFlag } from "../config/read-config.ts";
import { createSystemClock } from "../platform/clock.ts";
import { startOwnChild } from "../platform/own-child.ts";
import { environment, homeFolder, type Environment } from "../platform/program.ts";
import { keepWorker } from "../wiring/kept-worker.ts";
import { joinLine, type JoinPlaces } from "./join-line.ts";
import { printNotice } from "./output.ts";
import { serve, type Companion } from "./serve.ts";

export type UpOptions = {
  readonly file: string | null;
  readonly flags: readonly ConfigFlag[];
  /** What the grid is called, and its folder where no configuration names one. */
  readonly name: string | null;
  /** Flags of the worker. */
  readonly workerWords: readonly string[];
};

export async function up({ file, flags, name, workerWords }: UpOptions): Promise<void> {
  const variables = environment();
  const named = name === null ? [] : [{ flag: "--name", name: "server.name", text: name }];
  const home = file === null ? homeFlags(name, variables) : [];
  const companion: Companion = {
    notices,
    begin: ({ url, pin, token }) =>
      keepWorker({
        clock: createSystemClock(),
        onNotice: printNotice,
        start: () =>
          startOwnChild(
            [...wordsFor(url, pin), ...workerWords],
            // A token among the words would be seen by every user of the machine.
            {
              ...withoutOurs(variables),
              ...(token === null ? {} : { GRIDLIKE_WORKER_TOKEN: token }),
            },
          ),
      }),
  };
  await serve({ file, isCheck: false, flags: [...home, ...flags, ...named], companion });
}

function wordsFor(url: string, pin: string | null): readonly string[] {
  const words = ["worker", "start", "--commands", "--until-stdin-ends", "--drain", drainTime];
  return [...words, "--server", url, ...(pin === null ? [] : ["--pin", pin])];
}

/** Who ends a whole grid does not want to wait for long jobs: they go on when it is started again. */
const drainTime = "10s";

const nameDefault = "gridlike";

/** The data of a grid that no file describes is the user's, wherever the user stands. */
function homeFlags(name: string | null, variables: Environment): readonly ConfigFlag[] {
  const { GRIDLIKE_SERVER_DATA_DIR: given = "", XDG_DATA_HOME: base = "" } = variables;
  const home = homeFolder();
  if (given !== "" || (!base.startsWith("/") && home === null)) return [];
  const share = base.startsWith("/") ? base : `${home}/.local/share`;
  const folder = name ?? (variables["GRIDLIKE_SERVER_NAME"] || nameDefault);
  const text = `${share}/gridlike/${encodeURIComponent(folder)}`;
  return [{ flag: "data directory", name: "server.data_dir", text }];
}

function notices({ outwardUrl, access, pin }: JoinPlaces): readonly string[] {
  return [
    ...(outwardUrl === null
      ? ["Other machines can join when it listens for them: gridlike up --host 0.0.0.0"]
      : ["Join from other machines:", `  ${joinLine(outwardUrl, { access, pin }, "--commands")}`]),
    "Run something on it:",
    "  gridlike map 'echo {}' ::: hello grid",
  ];
}

function withoutOurs(variables: Environment): Environment {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !name.startsWith("GRIDLIKE_")),
  );
}
