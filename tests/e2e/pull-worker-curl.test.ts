// The worker in shell and the compiled server: curl on the one side, the real door with its disk on the other.

import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { buildOnce } from "../support/binary.ts";
import { attemptOf } from "../support/pull-worker.ts";

const program = join(import.meta.dir, "../../examples/pull-worker-curl/worker.sh");
const canRun = Bun.which("curl") !== null && Bun.which("sh") !== null;
const [apiKey, workerToken] = [secret(), secret()];
const headers = { "X-API-KEY": apiKey };
const running = new Set<Subprocess>();
let binary = "";
let folder = "";

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-pull-"));
});
afterEach(async () => {
  for (const one of running) one.kill("SIGKILL");
  await Promise.all([...running].map((one) => one.exited));
  running.clear();
  rmSync(folder, { recursive: true });
});

async function startServer(types = ""): Promise<{ url: string; process: Subprocess }> {
  const config = join(folder, "gridlike.toml");
  const auth = `[auth.api]\nkey = "${apiKey}"\n[auth.worker]\ntoken = "${workerToken}"\n`;
  const jobs = "[jobs]\nmax_attempts = 1\n";
  writeFileSync(config, `[server]\nport = 0\ndata_dir = "data"\n${auth}${jobs}${types}`);
  const server = Bun.spawn([binary, "--config", config], {
    env: { HOME: folder },
    stdout: "ignore",
    stderr: "pipe",
  });
  running.add(server);
  let said = "";
  for await (const piece of server.stderr) {
    said += Buffer.from(piece).toString();
    const url = /listens at (http:\/\/[^\s/]+)/.exec(said)?.[1];
    if (url !== undefined) return { url, process: server };
  }
  throw new Error(`The server ended before it listened:\n${said}`);
}

/** Runs the worker until no job is left. */
async function work(url: string, command: readonly string[], more: Record<string, string> = {}) {
  const env = { PATH: process.env["PATH"], GRIDLIKE_URL: url, GRIDLIKE_WORKER_TOKEN: workerToken };
  const worker = Bun.spawn(["sh", program, ...command], {
    env: { ...env, TMPDIR: folder, GRIDLIKE_ONCE: "1", ...more },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 25_000,
  });
  running.add(worker);
  const [said, errors] = await Promise.all([worker.stdout.text(), worker.stderr.text()]);
  expect([await worker.exited, errors]).toEqual([0, ""]);
  return said;
}

const submit = async (url: string, path: string, body: string | Uint8Array<ArrayBuffer>) =>
  (await fetch(`${url}/api/jobs/${path}`, { method: "POST", headers, body })).status;
const get = (url: string, path: string) => fetch(`${url}/api/jobs/${path}`, { headers });

test.skipIf(!canRun)(
  "worker.sh does jobs with a shell and curl alone [GL-37]",
  async () => {
    const { url } = await startServer();
    const large = Uint8Array.from({ length: 3 * 2 ** 20 + 7 }, (_, index) => index * 31);
    expect(await submit(url, "submit?key=small", "hello grid")).toBe(202);
    expect(await submit(url, "submit?key=large", large)).toBe(202);
    expect(await submit(url, "submit?key=empty", "")).toBe(202);
    const said = await work(url, ["cat"]);
    expect(said.trim().split("\n")).toEqual(Array(3).fill('{"verdict":"committed"}'));
    expect(await (await get(url, "small/result")).text()).toBe("hello grid");
    const came = Buffer.from(await (await get(url, "large/result")).arrayBuffer());
    expect(came.equals(large)).toBe(true);
    expect(await (await get(url, "empty/result")).text()).toBe("");
    expect(readdirSync(folder).toSorted()).toEqual(["data", "gridlike.toml"]);
  },
  30_000,
);

test.skipIf(!canRun)(
  "worker.sh fails a job with the exit code of its command, and what that said [GL-37] [GL-27]",
  async () => {
    const { url } = await startServer("[types.mesh]\n");
    expect(await submit(url, "submit/mesh?key=k", "payload")).toBe(202);
    const script = `cat >/dev/null; printf 'the "mesh"\\tis\\\\open\\nü\\n' >&2; exit 3`;
    await work(url, ["sh", "-c", script], { GRIDLIKE_TYPE: "mesh" });
    const result = await get(url, "k/result");
    expect([result.status, await result.text()]).toEqual([
      409,
      expect.stringContaining("exit code 3"),
    ]);
    const history = (await (await get(url, "k/history")).json()) as {
      attempts: { logs: string }[];
    };
    expect(history.attempts[0]?.logs).toBe('the "mesh"is\\open\n\n');
  },
  30_000,
);

test("a result in parts survives the death of the server between them", async () => {
  const first = await startServer();
  expect(await submit(first.url, "submit?key=k", "payload")).toBe(202);
  const claimed = await fetch(`${first.url}/api/work/claim`, {
    method: "POST",
    headers: { "X-API-KEY": workerToken },
  });
  const result = "0123456789".repeat(50_000);
  const part = (start: number, end: number) => ({
    "Content-Range": `bytes ${start}-${end - 1}/${result.length}`,
  });
  const before = attemptOf({ api: `${first.url}/api` }, claimed.headers);
  const taken = await before.put(result.slice(0, 300_000), part(0, 300_000));
  expect(await taken.json()).toEqual({ upload_offset: 300_000 });
  first.process.kill("SIGKILL");
  await first.process.exited;

  const second = await startServer();
  const after = attemptOf({ api: `${second.url}/api` }, claimed.headers);
  const head = await after.call("result", { method: "HEAD" });
  expect(head.headers.get("upload-offset")).toBe("300000");
  expect(await after.tell("progress", { percent: 60 })).toBe("continue");
  const last = await after.put(result.slice(300_000), part(300_000, result.length));
  expect(await last.json()).toEqual({ verdict: "committed" });
  expect(await (await get(second.url, "k/result")).text()).toBe(result);
  expect(readdirSync(join(folder, "data/uploads"))).toEqual([]);
}, 30_000);

function secret(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}
