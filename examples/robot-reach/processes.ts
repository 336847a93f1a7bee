// The processes of the demo: one server and its workers on this machine. All of them end with the demo,
// however it ends, and their temporary folder goes with them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Server = {
  /** Like http://127.0.0.1:40123 */
  readonly url: string;
  readonly apiKey: string;
  readonly workerToken: string;
  /** Ends it at once, as a power cut would, and starts it again at the same address. */
  pullThePlug(): Promise<void>;
};

export type Processes = ReturnType<typeof createProcesses>;

type Child = ReturnType<typeof startChild>;
type Environment = { readonly [name: string]: string };

const startMsMax = 20_000;
const stopMsMax = 8_000;
/** Characters of a process's last words that are shown when it fails. */
const lastWordsMax = 4_000;
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export function createProcesses() {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-demo-"));
  const children = new Set<Child>();
  process.on("exit", () => {
    for (const child of children) child.killNow();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [signal, code] of Object.entries(exitCodes)) {
    process.on(signal, () => {
      const ended = Promise.all(Array.from(children, (child) => child.end("SIGKILL")));
      void ended.finally(() => process.exit(code));
    });
  }
  const start = (name: string, command: readonly string[], environment: Environment) => {
    const child = startChild(name, command, environment, folder);
    children.add(child);
    return child;
  };
  const end = async (child: Child, signal: "SIGTERM" | "SIGKILL") => {
    await child.end(signal);
    children.delete(child);
  };

  return {
    async startServer(binary: string): Promise<Server> {
      const [apiKey, workerToken] = [makeSecret(), makeSecret()];
      const config = join(folder, "gridlike.toml");
      writeFileSync(config, configuration(apiKey, workerToken), { mode: 0o600 });
      const startAt = async (port: string) => {
        const command = [binary, "server", "start", "--config", config, "--port", port];
        const child = start("server", command, {});
        return { child, url: await child.hears(/listens at (http:\/\/[^\s/]+)/) };
      };
      let { child, url } = await startAt("0");
      const pullThePlug = async () => {
        await end(child, "SIGKILL");
        ({ child } = await startAt(new URL(url).port));
      };
      return { url, apiKey, workerToken, pullThePlug };
    },

    /** One process for one job type. Its token is in its environment, which other users cannot see. */
    startWorker(server: Server, language: "TypeScript" | "Python", type: string, number: number) {
      const program =
        language === "Python"
          ? [pythonCommand() ?? "python3", "-B", join(import.meta.dir, "worker.py")]
          : [process.execPath, join(import.meta.dir, "worker.ts")];
      const name = `${language} ${type} worker ${number}`;
      const url = `${server.url.replace("http", "ws")}/api/worker/${type}`;
      const environment = { GRIDLIKE_WORKER_TOKEN: server.workerToken };
      start(name, [...program, "--url", url, "--name", name], environment);
    },

    /** The workers first, so that the server has nobody to wait for. */
    async stopAll(): Promise<void> {
      for (const child of [...children].toReversed()) await end(child, "SIGTERM");
    },
  };
}

/** A Python that can run the worker, or null. */
export function pythonCommand(): string | null {
  const check = "import sys; sys.exit(sys.version_info < (3, 9))";
  const runs = (python: string) =>
    Bun.which(python) !== null && Bun.spawnSync([python, "-c", check]).exitCode === 0;
  return ["python3", "python"].find(runs) ?? null;
}

/** A process whose standard error is kept for when it fails. That it ends unasked ends the demo. */
function startChild(
  name: string,
  command: readonly string[],
  environment: Environment,
  folder: string,
) {
  // Settings of a GridLike that this user runs otherwise are none of the demo's.
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith("GRIDLIKE_"));
  const subprocess = Bun.spawn([...command], {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  let isEnding = false;
  let onWords = () => {};
  void (async () => {
    for await (const piece of subprocess.stderr.pipeThrough(new TextDecoderStream())) {
      words = (words + piece).slice(-lastWordsMax);
      onWords();
    }
    const code = await subprocess.exited;
    if (isEnding) return;
    process.stderr.write(`\ndemo: the ${name} ended with ${code}:\n${words}\n`);
    process.exit(1);
  })();
  return {
    killNow: () => subprocess.kill("SIGKILL"),

    async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
      isEnding = true;
      subprocess.kill(signal);
      const late = setTimeout(() => subprocess.kill("SIGKILL"), stopMsMax);
      await subprocess.exited;
      clearTimeout(late);
    },

    /** Waits until it says something on standard error, and answers with the first group of that. */
    hears: (wanted: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const why = `The ${name} did not come up within ${startMsMax} ms`;
        const late = setTimeout(() => reject(new Error(`${why}:\n${words}`)), startMsMax);
        onWords = () => {
          const found = wanted.exec(words)?.[1];
          if (found === undefined) return;
          clearTimeout(late);
          onWords = () => {};
          resolve(found);
        };
      }),
  };
}

const makeSecret = (): string => crypto.getRandomValues(new Uint8Array(32)).toHex();

const configuration = (apiKey: string, workerToken: string): string => `
[server]
name = "robot reach"
host = "127.0.0.1"
data_dir = "data"

[auth.api]
key = "${apiKey}"

[auth.worker]
token = "${workerToken}"

[types.sample]
description = "Draws tool poses in a cell and solves the arm's inverse kinematics"
result_becomes = "collide"

[types.collide]
description = "Counts the poses that the arm takes without collision"
`;
