// The server under test: the compiled binary on one data directory, started and killed again and again on one
// port. What it logs and how it ends is judged at each end.

import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { smallBlobBytesMax } from "./bytes.ts";
import type { Findings } from "./findings.ts";

export type Secrets = { readonly workerToken: string; readonly apiKey: string };

export function makeSecrets(): Secrets {
  const make = () =>
    crypto
      .getRandomValues(new Uint8Array(32))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  return { workerToken: make(), apiKey: make() };
}

export type Victim = {
  readonly url: string;
  readonly dataDir: string;
  readonly startCount: number;
  readonly isRunning: boolean;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Starts the program. Resolves at once; `ready` tells when it serves. */
  start(): void;
  /** Resolves when /readyz says yes; false when the process ended before, or 30 s passed. */
  ready(): Promise<boolean>;
  /** SIGKILL. Resolves when the process is gone and its log was read. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL if that does not help. Resolves with the exit code, null after a SIGKILL. */
  stop(): Promise<number | null>;
  /** Ends what still runs, without a judgement. */
  abandon(): Promise<void>;
};

type Running = {
  readonly process: Bun.Subprocess;
  readonly log: string;
  readonly leftovers: Set<string>;
};

export async function createVictim(deps: {
  readonly binary: string;
  readonly directory: string;
  readonly secrets: Secrets;
  readonly findings: Findings;
}): Promise<Victim> {
  const { binary, directory, secrets, findings } = deps;
  const port = findPort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = join(directory, "data");
  const config = join(directory, "gridlike.toml");
  await mkdir(directory, { recursive: true });
  await writeFile(config, configOf(port, secrets), { mode: 0o600 });
  let running: Running | null = null;
  let startCount = 0;
  let leftovers = new Set<string>();

  const requireRunning = (): Running => {
    if (running === null) throw new Error("The server is not running.");
    return running;
  };
  const end = async ({ process, log }: Running, how: "killed" | "stopped") => {
    const code = await process.exited;
    running = null;
    living.delete(process);
    const isOurs = how === "stopped" ? code === 0 : process.signalCode === "SIGKILL";
    const lines = await readLog(log);
    if (!isOurs) {
      findings.note(
        "L11",
        `ended with ${process.signalCode ?? code}: ${lines.slice(-3).join(" | ")}`,
      );
    }
    for (const line of lines) if (isAlarming(line)) findings.note("L11", line.slice(0, 400));
    leftovers = new Set(await stagedFiles(dataDir));
    return code;
  };

  return {
    url,
    dataDir,
    get startCount() {
      return startCount;
    },
    get pid() {
      return requireRunning().process.pid;
    },
    get isRunning() {
      return running !== null;
    },
    start() {
      startCount += 1;
      const log = join(directory, `server-${startCount % 2}.log`); // the last two are kept for the curious
      const fd = openSync(log, "w", 0o600);
      const process = Bun.spawn([...leash(), binary, "--config", config], {
        cwd: directory,
        env: { PATH: "/usr/bin:/bin", HOME: directory },
        stdin: "ignore",
        stdout: "ignore",
        stderr: fd,
      });
      closeSync(fd);
      living.add(process);
      running = { process, log, leftovers };
    },
    async ready() {
      const { process, leftovers: before } = requireRunning();
      const deadline = performance.now() + 30_000;
      while (process.exitCode === null && process.signalCode === null) {
        if (performance.now() > deadline) return false;
        if (await isReady(url)) {
          for (const name of await stagedFiles(dataDir)) {
            if (before.has(name)) findings.note("L9", `${name} of the last run is still staged`);
          }
          return true;
        }
        await Bun.sleep(4);
      }
      return false;
    },
    async kill() {
      const { process } = requireRunning();
      process.kill("SIGKILL");
      await end(requireRunning(), "killed");
    },
    async stop() {
      const ending = requireRunning();
      ending.process.kill("SIGTERM");
      const timer = setTimeout(() => ending.process.kill("SIGKILL"), 30_000);
      const code = await end(ending, "stopped");
      clearTimeout(timer);
      return ending.process.signalCode === null ? code : null;
    },
    async abandon() {
      if (running === null) return;
      const { process } = running;
      process.kill("SIGKILL");
      await process.exited;
      living.delete(process);
      running = null;
    },
  };
}

const living = new Set<Bun.Subprocess>();
const reap = () => {
  for (const process of living) process.kill("SIGKILL");
};

/** Ends what this process started, however it ends itself; `leash` sees to the case that it is killed. */
export function reapAtExit(): void {
  process.once("exit", reap);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      reap();
      process.exit(code);
    });
  }
}

/** On Linux the kernel ends the server when the harness is gone. The process id stays that of the server. */
function leash(): readonly string[] {
  const setpriv = Bun.which("setpriv");
  return setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
}

/**
 * A free port below those that the system gives to outgoing connections: a client that calls in vain while the
 * server is down could else meet itself there, or another program take the port before the next start.
 */
function findPort(): number {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      continue; // Somebody has it.
    }
  }
}

function configOf(port: number, { workerToken, apiKey }: Secrets): string {
  return `[server]
host = "127.0.0.1"
port = ${port}
data_dir = "data"
[storage]
small_blob_bytes_max = ${smallBlobBytesMax}
[auth.worker]
token = "${workerToken}"
kick_after_ms = 5000
[auth.api]
key = "${apiKey}"
[jobs]
max_attempts = 2
payload_bytes_max = "16 MiB"
[types.plain]
[types.first]
result_becomes = "second"
[types.second]
[types.duel]
timeout_s = 1
`;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { keepalive: false });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // Not listening yet, or gone again.
  }
}

/** Whole lines only: the last one may be cut off by the kill. */
async function readLog(path: string): Promise<readonly string[]> {
  return (await readFile(path, "utf8")).split("\n").slice(0, -1);
}

/** A line of the log is JSON with a level below error; what else stands there is the cry of a crash. */
function isAlarming(line: string): boolean {
  if (line === "") return false;
  try {
    const { level } = JSON.parse(line) as { readonly level?: unknown };
    return level !== "info" && level !== "warn";
  } catch {
    return !isForPeople(line);
  }
}

/** Where it listens, and how a worker joins. */
function isForPeople(line: string): boolean {
  return ["GridLike ", "Start a worker ", "  gridlike worker start "].some((start) =>
    line.startsWith(start),
  );
}

/** Files in the directory where uploads are staged, wherever below the data directory it is. */
async function stagedFiles(dataDir: string): Promise<readonly string[]> {
  const staging = await findDirectory(dataDir, "tmp");
  if (staging === null) return [];
  return (await readdir(staging)).map((name) => join(staging, name));
}

export async function findDirectory(below: string, name: string): Promise<string | null> {
  const isThere = await stat(below).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere) return null;
  for (const entry of await readdir(below, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    if (entry.name === name) return join(below, name);
    const deeper = /^[0-9a-f]{2}$/.test(entry.name)
      ? null
      : await findDirectory(join(below, entry.name), name);
    if (deeper !== null) return deeper;
  }
  return null;
}
