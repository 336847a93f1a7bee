// An agent as wiring starts it, in a folder of its own, with a runner that a test steers.

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Assignment, Outcome, Report, Runner } from "../../src/agent/runner.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { startAgent, type AgentOptions, type RunningAgent } from "../../src/wiring/agent.ts";

export type TestAgent = RunningAgent &
  AsyncDisposable & { readonly folder: string; readonly notices: string[] };

export type AgentSpec = Partial<AgentOptions> & { readonly url: string };

/** Ends with the test: preempted, if it still runs. */
export function anAgent(spec: AgentSpec): TestAgent {
  const isOwnFolder = spec.stateFolder === undefined;
  const folder = spec.stateFolder ?? mkdtempSync(join(tmpdir(), "gridlike-agent-"));
  const notices: string[] = [];
  const agent = startAgent({
    token: "token-of-the-tests",
    tls: null,
    name: "tester",
    types: [],
    slots: 2,
    resources: {},
    arch: "x64",
    os: "linux",
    runner: upperCase,
    vitals: () => ({ load: 0.5 }),
    drainMs: 5_000,
    idleTimeoutMs: null,
    lifetimeMs: null,
    once: false,
    log: createSilentLog(),
    onNotice: (line) => notices.push(line),
    ...spec,
    stateFolder: folder,
  });
  return {
    ...agent,
    folder,
    notices,
    async [Symbol.asyncDispose]() {
      agent.preempt();
      agent.preempt(); // What waits for receipts stays where it is.
      await agent.done;
      if (isOwnFolder) await rm(folder, { recursive: true, force: true });
    },
  };
}

export function done(bytes: string | Uint8Array): Outcome {
  const result = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return { kind: "done", result: { kind: "bytes", bytes: result }, contentType: "text/plain" };
}

export const noisyFailure: Outcome = {
  kind: "failed",
  info: "It ended with 3.",
  exitCode: 3,
  signal: null,
  retryable: true,
};

/** Answers at once with the payload in capitals. */
const upperCase = runnerOf(({ payload }) =>
  Promise.resolve(
    payload.kind === "bytes"
      ? done(new TextDecoder().decode(payload.bytes).toUpperCase())
      : done(`a file of ${payload.sizeBytes}`),
  ),
);

export function runnerOf(run: Runner["run"]): Runner {
  return { run, close: () => Promise.resolve() };
}

/** A run that waits for the test to end it. */
export type HeldRun = {
  readonly assignment: Assignment;
  readonly report: Report;
  readonly stop: AbortSignal;
  end(outcome: Outcome): void;
};

/** A runner whose runs the test takes one by one. A run that is stopped ends as such, unless it is `stubborn`. */
export function heldRunner(options: { readonly stubborn?: boolean } = {}) {
  const runs: HeldRun[] = [];
  const takers: ((run: HeldRun) => void)[] = [];
  const runner = runnerOf((assignment, report, stop) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const run: HeldRun = { assignment, report, stop, end: resolve };
    if (options.stubborn !== true) {
      stop.addEventListener("abort", () => resolve({ kind: "stopped" }));
    }
    const taker = takers.shift();
    if (taker === undefined) runs.push(run);
    else taker(run);
    return promise;
  });
  const next = (): Promise<HeldRun> =>
    runs.length > 0
      ? Promise.resolve(runs.shift()!)
      : new Promise((resolve) => takers.push(resolve));
  /** The run of this job; those of others wait on. */
  const of = async (job: string): Promise<HeldRun> => {
    const passed: HeldRun[] = [];
    for (;;) {
      const run = await next();
      if (run.assignment.job === job) {
        runs.unshift(...passed);
        return run;
      }
      passed.push(run);
    }
  };
  return { runner, next, of, waitingCount: () => runs.length };
}
