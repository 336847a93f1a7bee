// The compiled program on both ends, with real sockets: one server that may be killed and started again on its port,
// agents that run a command for each job, and a ledger outside of both, to which the command itself appends each time
// that it is run.

import { closeSync, existsSync, openSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type GridSpec = {
  readonly binary: string;
  /** Job types, as the agents name them. */
  readonly types: readonly string[];
};

export type AgentSpec = {
  /** Another build than the server's. */
  readonly binary?: string;
  readonly type: string;
  readonly slots?: number;
  /** Instead of the one that writes the ledger. */
  readonly command?: readonly string[];
  /** A proxy's; the server's own if left out. */
  readonly port?: number;
  /** Kept when the agent ends, for its successor. */
  readonly stateFolder?: string;
  readonly more?: readonly string[];
};

export type GridAgent = {
  readonly process: Bun.Subprocess;
  readonly stateFolder: string;
  /** What it said so far. */
  said(): string;
  /** Resolves when it said what fits. */
  until(pattern: RegExp): Promise<void>;
  /** Names of what waits in its spool. */
  spool(): Promise<readonly string[]>;
  kill(signal?: NodeJS.Signals): Promise<void>;
};

export type JobView = {
  readonly status: string;
  readonly failures: number;
};
type Stats = { readonly jobs: readonly { readonly status: string; readonly count: number }[] };
type Event = {
  readonly change: string;
  readonly attempt: number | null;
  readonly worker: { readonly id: string } | null;
};
export type History = {
  readonly events: readonly Event[];
  readonly attempts: readonly { readonly attempt: number; readonly outcome: string | null }[];
};

/** A run of the command: its job, the number of the attempt, and which agent ran it. */
type Execution = { readonly key: string; readonly attempt: number; readonly agent: string };

export type Grid = AsyncDisposable & {
  readonly folder: string;
  readonly port: number;
  startServer(): Promise<void>;
  /** SIGKILL. */
  killServer(): Promise<void>;
  readonly serverPid: () => number;
  startAgent(spec: AgentSpec): Promise<GridAgent>;
  /** `napMs`: how long the job takes; `resultBytes`: how much it answers. The payload is filled up to `payloadBytes`. */
  submit(type: string, key: string, job: JobSpec): Promise<void>;
  /** So many tiny jobs at once. */
  submitMany(type: string, count: number): Promise<void>;
  /** Resolves when so many jobs are done. */
  allDone(count: number): Promise<void>;
  /** Bytes as they come; resolves with their SHA-256. */
  submitStream(type: string, key: string, bytes: Iterable<Uint8Array>): Promise<string>;
  /** Of the result, read as it comes. */
  resultSha256(key: string): Promise<string>;
  job(key: string): Promise<JobView>;
  /** Resolves when the job is settled, with how; `waitMs` at most, then with what it is. */
  settled(key: string, waitMs: number): Promise<string>;
  history(key: string): Promise<History>;
  /** Whether the result that can be read is the one that the job makes. */
  isResultRight(key: string, job: JobSpec): Promise<boolean>;
  executions(): readonly Execution[];
  /** Resolves when the ledger has so many lines about jobs that fit. */
  executed(fits: (key: string) => boolean, count: number): Promise<void>;
  /** What server and agents logged as an error. */
  alarms(): readonly string[];
};

export type JobSpec = {
  readonly napMs: number;
  readonly resultBytes: number;
  readonly payloadBytes: number;
};

export const smallJob: JobSpec = { napMs: 0, resultBytes: 100, payloadBytes: 100 };

const apiKey = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
const workerToken = "Hn7sD2fG9kP4qR8vX1zC6bM3";

/** Answers with the hash of the payload that it saw and its key, over and over, cut to length. */
const script = `
read -r nap size
echo "$GRIDLIKE_KEY $GRIDLIKE_ATTEMPT $AGENT" >> "$LEDGER"
hash=$(sha256sum "$GRIDLIKE_PAYLOAD" | cut -d " " -f 1)
[ "$nap" = 0 ] || sleep "$nap"
yes "$hash $GRIDLIKE_KEY" | head -c "$size"
`;

export async function openGrid({ binary, types }: GridSpec): Promise<Grid> {
  const folder = await mkdtemp(join(tmpdir(), "gridlike-blips-"));
  const ledger = join(folder, "ledger");
  const port = findPort();
  const config = join(folder, "gridlike.toml");
  await writeFile(ledger, "");
  await writeFile(config, configOf(port, types), { mode: 0o600 });
  await mkdir(join(folder, "agents"));
  const living = new Set<Bun.Subprocess>();
  let server: Bun.Subprocess | null = null;
  let [startCount, agentCount] = [0, 0];

  const spawn = (words: readonly string[], log: string, env: Record<string, string> = {}) => {
    const fd = openSync(log, "a", 0o600);
    const process = Bun.spawn([...leash(), ...words], {
      cwd: folder,
      env: { PATH: "/usr/bin:/bin", HOME: folder, ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: fd,
    });
    closeSync(fd);
    living.add(process);
    return process;
  };
  const end = async (process: Bun.Subprocess, signal: NodeJS.Signals) => {
    process.kill(signal);
    await process.exited;
    living.delete(process);
  };
  const api = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}/api${path}`, {
      ...init,
      headers: { "X-API-KEY": apiKey },
      keepalive: false,
    });
  const grid: Grid = {
    folder,
    port,
    async startServer() {
      startCount += 1;
      server = spawn([binary, "--config", config], join(folder, `server-${startCount}.log`));
      const { exited } = server;
      const died = exited.then((code) => Promise.reject(new Error(`The server ended: ${code}`)));
      await Promise.race([until(() => isReady(port), "the server is ready"), died]);
      died.catch(() => {}); // Later it is killed on purpose.
    },
    async killServer() {
      if (server !== null) await end(server, "SIGKILL");
      server = null;
    },
    serverPid: () => server?.pid ?? 0,
    async startAgent(spec) {
      agentCount += 1;
      const name = `agent-${agentCount}`;
      const log = join(folder, `${name}.log`);
      const stateFolder = spec.stateFolder ?? join(folder, "agents", name);
      const words = agentWords(spec, { binary, port, stateFolder, name });
      const process = spawn(words, log, { LEDGER: ledger, AGENT: name });
      const said = () => readFileSync(log, "utf8");
      const sees = async (pattern: RegExp) => {
        await until(() => pattern.test(said()) || process.exitCode !== null, `${name}: ${pattern}`);
        if (!pattern.test(said())) throw new Error(`${name} ended without ${pattern}: ${said()}`);
      };
      return {
        process,
        stateFolder,
        said,
        until: sees,
        spool: () => spoolOf(stateFolder),
        kill: (signal = "SIGKILL") => end(process, signal),
      };
    },
    async submit(type, key, job) {
      const answer = await api(`/jobs/submit/${type}?key=${key}`, {
        method: "POST",
        body: payloadOf(key, job),
      });
      if (answer.status !== 202) throw new Error(`${key}: ${await answer.text()}`);
    },
    async submitMany(type, count) {
      const line = (_: unknown, n: number) => `{"key":"many-${n}","payload":""}\n`;
      const body = Array.from({ length: count }, line).join("");
      const answer = await api(`/jobs/submit-many/${type}`, { method: "POST", body });
      if (!(await answer.text()).includes(`"accepted":${count}`)) throw new Error("Not all.");
    },
    allDone: (count) =>
      until(async () => {
        const { jobs } = (await (await api("/stats")).json()) as Stats;
        return (jobs.find(({ status }) => status === "done")?.count ?? 0) >= count;
      }, `${count} jobs are done`),
    async submitStream(type, key, bytes) {
      const hash = new Bun.CryptoHasher("sha256");
      const source = bytes[Symbol.iterator]();
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const next = source.next();
          if (next.done === true) return controller.close();
          hash.update(next.value);
          controller.enqueue(next.value);
        },
      });
      const answer = await api(`/jobs/submit/${type}?key=${key}`, { method: "POST", body });
      if (answer.status !== 202) throw new Error(`${key}: ${await answer.text()}`);
      return hash.digest("hex");
    },
    async resultSha256(key) {
      const hash = new Bun.CryptoHasher("sha256");
      const answer = await api(`/jobs/${key}/result`);
      if (!answer.ok || answer.body === null) throw new Error(`${key}: ${await answer.text()}`);
      for await (const piece of answer.body) hash.update(piece);
      return hash.digest("hex");
    },
    job: async (key) => (await (await api(`/jobs/${key}`)).json()) as JobView,
    async settled(key, waitMs) {
      const deadline = performance.now() + waitMs;
      for (;;) {
        const { status } = await grid.job(key);
        const isOver = status === "done" || status === "failed" || status === "cancelled";
        if (isOver || performance.now() > deadline) return status;
        await Bun.sleep(50);
      }
    },
    async history(key) {
      return (await (await api(`/jobs/${key}/history`)).json()) as History;
    },
    async isResultRight(key, job) {
      const answer = await api(`/jobs/${key}/result`);
      if (!answer.ok) return false;
      return Buffer.from(await answer.arrayBuffer()).equals(resultOf(key, job));
    },
    executions: () => readLedger(ledger),
    executed: (fits, count) =>
      until(
        () => readLedger(ledger).filter(({ key }) => fits(key)).length >= count,
        `${count} executions`,
      ),
    alarms: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".log"))
        .flatMap((name) => alarmsIn(join(folder, name)).map((line) => `${name}: ${line}`)),
    async [Symbol.asyncDispose]() {
      await Promise.all([...living].map((process) => end(process, "SIGKILL")));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return grid;
}

function agentWords(
  { binary: own, type, slots = 1, port: proxyPort, more = [], command }: AgentSpec,
  at: {
    readonly binary: string;
    readonly port: number;
    readonly stateFolder: string;
    readonly name: string;
  },
): readonly string[] {
  const url = `http://127.0.0.1:${proxyPort ?? at.port}`;
  const flags =
    `worker start --server ${url} --join ${workerToken} --type ${type} --slots ${slots} --name ${at.name} ` +
    `--state-dir ${at.stateFolder} --log json --allow-root --env LEDGER --env AGENT`;
  return [
    own ?? at.binary,
    ...flags.split(" "),
    ...more,
    "--",
    ...(command ?? ["sh", "-c", script]),
  ];
}

function payloadOf(key: string, { napMs, resultBytes, payloadBytes }: JobSpec): Uint8Array {
  const bytes = Buffer.alloc(payloadBytes, `${key}.`);
  const order = `${napMs / 1000} ${resultBytes}\n`;
  bytes.write(order, "latin1");
  return bytes;
}

function resultOf(key: string, job: JobSpec): Buffer {
  const hash = new Bun.CryptoHasher("sha256").update(payloadOf(key, job)).digest("hex");
  return Buffer.alloc(job.resultBytes, `${hash} ${key}\n`);
}

function readLedger(path: string): readonly Execution[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [key = "", attempt = "", agent = ""] = line.split(" ");
      return { key, attempt: Number(attempt), agent };
    });
}

/** Waits for what other processes bring about. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  msMax = 60_000,
): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await Bun.sleep(10);
  }
}

/** Every folder of an agent below its state folder. */
async function spoolOf(stateFolder: string): Promise<readonly string[]> {
  if (!existsSync(stateFolder)) return [];
  const names = await readdir(stateFolder);
  const lists = await Promise.all(
    names.map((name) => readdir(join(stateFolder, name, "spool")).catch(() => [])),
  );
  return lists.flat();
}

/** A line of either log is JSON; what else stands there, but for where the server listens, is the cry of a crash. */
function alarmsIn(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{") && !/"level":"(?:info|warn)"/.test(line))
    .map((line) => line.slice(0, 400));
}

function configOf(port: number, types: readonly string[]): string {
  const tables = types.map((type) => `[types.${type}]\n`).join("");
  return `[server]
host = "127.0.0.1"
port = ${port}
data_dir = "data"
[auth.worker]
token = "${workerToken}"
[auth.api]
key = "${apiKey}"
${tables}`;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { keepalive: false })).ok;
  } catch {
    return false;
  }
}

/** On Linux the kernel ends what was started when the tests are gone. The process id stays that of the program. */
function leash(): readonly string[] {
  const setpriv = Bun.which("setpriv");
  return setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
}

/** Below those that the system gives to outgoing connections, so that nobody takes it while the server is down. */
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
