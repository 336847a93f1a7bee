// Workers that run shipped commands and have no socket: real processes, over real HTTP, so many at a time.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createShippedCommandRunner } from "../../src/agent/command/run-shipped-command.ts";
import type { Assignment, Outcome } from "../../src/agent/runner.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createProcessTrees } from "../../src/platform/process-tree.ts";
import { workerToken, type Door } from "./http-door.ts";

const clock = createSystemClock();

export function aShippedCommandRunner() {
  const environment = { PATH: process.env["PATH"] ?? "" };
  return createShippedCommandRunner({ trees: createProcessTrees({ clock }), clock, environment });
}

/** Works until it is disposed of. */
export async function startCommandWorkers(
  { api }: Pick<Door, "api">,
  slots: number,
): Promise<AsyncDisposable & { readonly ranCount: () => number }> {
  const folder = await mkdtemp(join(tmpdir(), "command-workers-"));
  const stop = new AbortController();
  const runner = aShippedCommandRunner();
  let ranCount = 0;
  const work = async (slot: number) => {
    for (;;) {
      const claimed = await claimOne(api, `worker-${slot}`, stop.signal);
      if (claimed === "stopped") return;
      if (claimed === null) continue;
      ranCount += 1;
      const directory = join(folder, `${claimed.job}.${claimed.attempt}`);
      await mkdir(directory, { mode: 0o700 });
      const silent = { progress: () => {}, log: () => {} };
      const outcome = await runner.run({ ...claimed, directory, slot }, silent, stop.signal);
      if (stop.signal.aborted) return;
      await tell(api, claimed, outcome);
      await rm(directory, { recursive: true });
    }
  };
  const working = Array.from({ length: slots }, (_, index) => work(index + 1));
  return {
    ranCount: () => ranCount,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(working);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Claimed = Omit<Assignment, "directory" | "slot"> & { readonly token: string };

async function claimOne(api: string, name: string, signal: AbortSignal) {
  let answer: Response;
  try {
    answer = await fetch(`${api}/work/command/claim?wait_s=20`, {
      method: "POST",
      headers: { "x-api-key": workerToken, "gridlike-worker": name },
      signal,
    });
  } catch {
    return "stopped";
  }
  if (answer.status === 503 || signal.aborted) return "stopped";
  if (answer.status !== 200) return null;
  const told = (field: string) => answer.headers.get(`gridlike-${field}`) ?? "";
  const claimed: Claimed = {
    job: told("job"),
    attempt: Number(told("attempt")),
    token: told("attempt-token"),
    key: told("key"),
    type: "command",
    priority: "batch",
    contentType: answer.headers.get("content-type"),
    description: null,
    payload: { kind: "bytes", bytes: await answer.bytes() },
    timeoutMs: null,
    killAfterMs: 1_000,
  };
  return claimed;
}

async function tell(api: string, { job, attempt, token }: Claimed, outcome: Outcome) {
  const at = `${api}/work/${job}/${attempt}`;
  const headers = { "gridlike-attempt-token": token };
  if (outcome.kind === "done") {
    const { result, contentType } = outcome;
    const body =
      result.kind === "bytes"
        ? new Uint8Array(result.bytes)
        : new Uint8Array(await Bun.file(result.path).arrayBuffer());
    const all = new Headers(headers);
    if (contentType !== null) all.set("content-type", contentType);
    await fetch(`${at}/result`, { method: "PUT", body, headers: all });
  } else if (outcome.kind === "failed") {
    const { info, exitCode, signal, retryable } = outcome;
    const body = JSON.stringify({ info, exit_code: exitCode, signal, retryable });
    await fetch(`${at}/fail`, { method: "POST", body, headers });
  } else await fetch(`${at}/release`, { method: "POST", headers });
}
