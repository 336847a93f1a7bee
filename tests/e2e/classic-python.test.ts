// The Python worker and the compiled server: two programs that share nothing but the original protocol.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { pythonCommand } from "../../examples/robot-reach/processes.ts";
import { buildOnce } from "../support/binary.ts";

const python = pythonCommand() ?? "";
const program = join(import.meta.dir, "../../examples/classic-worker-python/gridlike_worker.py");
const [apiKey, workerToken] = [secret(), secret()];
const running: Subprocess[] = [];
let folder = "";
let url = "";

const configuration = `
[server]
port = 0
data_dir = "data"
[auth.api]
key = "${apiKey}"
[auth.worker]
token = "${workerToken}"
[jobs]
max_attempts = 1
`;

beforeAll(async () => {
  const binary = await buildOnce();
  folder = mkdtempSync(join(tmpdir(), "gridlike-test-"));
  const config = join(folder, "gridlike.toml");
  writeFileSync(config, configuration);
  const server = Bun.spawn([binary, "--config", config], {
    env: { HOME: folder },
    stdout: "ignore",
    stderr: "pipe",
  });
  running.push(server);
  url = await hear(server.stderr, /listens at (http:\/\/[^\s/]+)/);
}, 120_000);

afterAll(async () => {
  for (const one of running.toReversed()) {
    one.kill("SIGTERM");
    await one.exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(python === "")("gridlike_worker.py and the server", () => {
  test("a program of someone else does jobs from a worker of the standard library [GL-39] [GL-89]", async () => {
    startWorker(["wc", "-c"]);
    expect(await submit("first", "hello grid")).toBe(202);
    const result = await resultOf("first");
    expect(result.status).toBe(200);
    expect((await result.text()).trim()).toBe("10");
    await stopWorker();
  }, 30_000);

  test("a payload of many fragments comes back as it went [GL-22]", async () => {
    startWorker(["cat"]);
    const payload = Uint8Array.from({ length: 5 * 2 ** 20 + 3 }, (_, index) => index * 31);
    expect(await submit("large", payload)).toBe(202);
    const result = await resultOf("large");
    expect(Buffer.from(await result.arrayBuffer()).equals(payload)).toBe(true);
    await stopWorker();
  }, 30_000);

  test("a command that fails makes its job failed, with its standard error for whoever looks [GL-27]", async () => {
    startWorker(["sh", "-c", "cat >/dev/null; echo 'the mesh is open' >&2; exit 3"]);
    expect(await submit("broken", "payload")).toBe(202);
    const result = await resultOf("broken");
    expect(result.status).toBe(409);
    expect(await result.text()).toContain("exit code 3");
    const history = await fetch(`${url}/api/jobs/broken/history`, { headers });
    expect(await history.text()).toContain("the mesh is open");
    await stopWorker();
  }, 30_000);
});

const headers = { "X-API-KEY": apiKey };

async function submit(key: string, payload: string | Uint8Array<ArrayBuffer>): Promise<number> {
  const address = `${url}/api/jobs/submit?key=${key}`;
  return (await fetch(address, { method: "POST", headers, body: payload })).status;
}

const resultOf = (key: string) => fetch(`${url}/api/jobs/${key}/result?wait_s=20`, { headers });

function startWorker(command: readonly string[]): void {
  const address = `${url.replace("http", "ws")}/api/worker`;
  const words = ["--url", address, "--name", "python", "--", ...command];
  const env = { PATH: process.env["PATH"], GRIDLIKE_WORKER_TOKEN: workerToken };
  running.push(Bun.spawn([python, "-B", program, ...words], { env, stderr: "ignore" }));
}

async function stopWorker(): Promise<void> {
  const worker = running.pop()!;
  worker.kill("SIGTERM");
  expect(await worker.exited).toBe(0);
}

async function hear(words: ReadableStream<Uint8Array>, wanted: RegExp): Promise<string> {
  let said = "";
  for await (const piece of words) {
    said += Buffer.from(piece).toString();
    const found = wanted.exec(said)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`The server ended before it listened:\n${said}`);
}

function secret(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}
