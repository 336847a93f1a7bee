// The real server in this process, on a data directory of its own, to be stopped and started again on the same port.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSilentLog } from "../../src/platform/log.ts";
import { startServer, type RunningServer } from "../../src/wiring/server.ts";
import { configOf } from "./a-config.ts";

export const realApiKey = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
export const realWorkerToken = "Hn7sD2fG9kP4qR8vX1zC6bM3";

export type RealServer = AsyncDisposable & {
  /** Where the API is, without a slash at its end. */
  readonly api: string;
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  submit(key: string, bytes?: string): Promise<void>;
  stop(): Promise<void>;
  /** On the port that it had before. */
  start(): Promise<void>;
};

/** `more`: further tables of the configuration. */
export async function openRealServer(more = ""): Promise<RealServer> {
  const folder = await mkdtemp(join(tmpdir(), "gridlike-real-"));
  let port = 0;
  let running: RunningServer | null = null;

  const start = async () => {
    const text = `[auth.api]\nkey = "${realApiKey}"\n[auth.worker]\ntoken = "${realWorkerToken}"\n[server]\nport = ${port}\ndata_dir = "${join(folder, "data")}"\n${more}`;
    running = await startServer({
      config: configOf(text),
      log: createSilentLog(),
      firstRun: { keep: () => Promise.reject(new Error("Nothing is to be made.")) },
      onBroken: (error) => {
        throw error;
      },
    });
    port = Number(new URL(running.url).port);
  };
  await start();
  const api = `http://127.0.0.1:${port}/api`;
  const call: RealServer["call"] = (path, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("X-API-KEY", realApiKey);
    return fetch(api + path, { ...init, headers });
  };
  return {
    api,
    call,
    async submit(key, bytes = key) {
      const answer = await call(`/jobs/submit?key=${key}`, { method: "POST", body: bytes });
      if (answer.status !== 202) throw new Error(await answer.text());
    },
    start,
    stop: async () => running?.stop(),
    async [Symbol.asyncDispose]() {
      await running?.stop();
      await rm(folder, { recursive: true });
    },
  };
}
