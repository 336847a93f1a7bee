// The server that is measured: a binary on a fresh data directory, with authentication on as in real life.

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { reap } from "./asks.ts";

export type ServerOptions = {
  readonly binary: string;
  /** Where the data directories are made: the disk that is measured. */
  readonly directory: string;
  readonly durability: "power" | "process";
};

export type BenchServer = {
  readonly url: string;
  readonly pid: number;
  readonly apiKey: string;
  readonly workerToken: string;
  /** From exec until /readyz answered 200. */
  readonly readyMs: number;
  /** Ends it in order; its data stays. */
  end(): Promise<void>;
  /** Starts the same binary again on the same data. */
  again(): Promise<BenchServer>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
};

const [apiKey, workerToken] = [makeSecret(), makeSecret()];
const readyMsMax = 20_000;
const endMsMax = 15_000;

/** Copies a binary, because a build made meanwhile replaces it. The digest tells builds apart. */
export function keepBinary(path: string, folder: string, name: string) {
  const binary = join(folder, name);
  copyFileSync(path, binary);
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(binary)).digest("hex");
  return { binary, digest: digest.slice(0, 12) };
}

export function startServer(options: ServerOptions): Promise<BenchServer> {
  const folder = mkdtempSync(join(options.directory, "gridlike-bench-"));
  return startIn(folder, options);
}

async function startIn(folder: string, options: ServerOptions): Promise<BenchServer> {
  const port = findPort();
  const config = join(folder, "gridlike.toml");
  const log = join(folder, "log");
  writeFileSync(config, configOf(port, options.durability), { mode: 0o600 });
  const startedAt = performance.now();
  const child = Bun.spawn([options.binary, "--config", config], {
    cwd: folder,
    env: { HOME: folder },
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
  });
  reap(child);
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - startedAt > readyMsMax) {
      child.kill("SIGKILL");
      const said = existsSync(log) ? readFileSync(log, "utf8") : `${log} is gone.`;
      throw new Error(`${options.binary} did not become ready:\n${said}`);
    }
    await Bun.sleep(1);
  }
  const readyMs = performance.now() - startedAt;
  const end = async () => {
    const late = setTimeout(() => child.kill("SIGKILL"), endMsMax);
    child.kill("SIGTERM");
    await child.exited;
    clearTimeout(late);
  };
  return {
    url,
    pid: child.pid,
    apiKey,
    workerToken,
    readyMs,
    end,
    async again() {
      await end();
      return startIn(folder, options);
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // Nobody listens yet.
  }
}

function configOf(port: number, durability: "power" | "process"): string {
  return `
[server]
port = ${port}
data_dir = "data"
[database]
durability = "${durability}"
[auth.api]
key = "${apiKey}"
[auth.worker]
token = "${workerToken}"
`;
}

function findPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

function makeSecret(): string {
  return crypto
    .getRandomValues(new Uint8Array(32))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}
