// Runs commands in tests as a worker does: real processes, a folder of their own, everything cleaned up.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobDoor } from "../../src/agent/job-door.ts";
import { machineEnvironment } from "../../src/agent/command/job-environment.ts";
import { createRunCommand } from "../../src/agent/command/run-command.ts";
import type { Assignment, Outcome, Report } from "../../src/agent/runner.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { serveLoopback } from "../../src/platform/loopback.ts";
import { createProcessTrees, type ProcessTrees } from "../../src/platform/process-tree.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

export type Ran = {
  readonly outcome: Outcome;
  /** The result as text; "" when there is none, or a large one. */
  readonly text: string;
  readonly stderr: string;
  readonly stdout: string;
  readonly progress: readonly (readonly [number | null, string | null])[];
};

export type RunOptions = Partial<Assignment> & {
  readonly payloadText?: string;
  readonly resultBytesMax?: number;
  readonly environment?: { readonly [name: string]: string };
  readonly stop?: AbortSignal;
  readonly trees?: ProcessTrees;
  /** Sees what the program says on its standard error, as it comes. */
  readonly onStderr?: (text: string) => void;
};

const clock = createSystemClock();
const trees = createProcessTrees({ clock });

/** A place to run commands in; close it. */
export function openCommandPlace() {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-command-"));
  const door = createJobDoor({ serve: serveLoopback, random: createSystemRandom() });
  let count = 0;

  const run = async (command: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    count += 1;
    const directory = options.directory ?? join(folder, `job-${count}`);
    if (options.directory === undefined) mkdirSync(directory, { mode: 0o700 });
    const said = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    const progress: (readonly [number | null, string | null])[] = [];
    const report: Report = {
      progress: (percent, info) => void progress.push([percent, info]),
      log(stream, bytes) {
        said[stream].push(bytes);
        if (stream === "stderr") options.onStderr?.(new TextDecoder().decode(bytes));
      },
    };
    const runner = createRunCommand({
      trees: options.trees ?? trees,
      clock,
      door,
      command,
      environment: { ...machineEnvironment(process.env, []), ...options.environment },
      resultBytesMax: options.resultBytesMax ?? 1024 * 1024 * 1024,
      log: createSilentLog(),
    });
    const assignment: Assignment = {
      job: `job-${count}`,
      attempt: 1,
      key: "a-key",
      type: "sample",
      priority: "batch",
      contentType: null,
      description: null,
      payload: { kind: "bytes", bytes: new TextEncoder().encode(options.payloadText ?? "") },
      slot: 1,
      timeoutMs: null,
      killAfterMs: 5_000,
      ...options,
      directory,
    };
    const outcome = await runner.run(
      assignment,
      report,
      options.stop ?? new AbortController().signal,
    );
    return {
      outcome,
      text: await textOf(outcome),
      stdout: Buffer.concat(said.stdout).toString(),
      stderr: Buffer.concat(said.stderr).toString(),
      progress,
    };
  };
  return {
    folder,
    run,
    /** Runs a script of a shell. */
    shell: (script: string, options: RunOptions = {}) => run(["/bin/bash", "-c", script], options),
    async close() {
      await door.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function textOf(outcome: Outcome): Promise<string> {
  if (outcome.kind !== "done") return "";
  const { result } = outcome;
  if (result.kind === "bytes") return new TextDecoder().decode(result.bytes);
  return result.sizeBytes > 1024 * 1024 ? "" : Bun.file(result.path).text();
}

/** True while a process of this number lives; one that only waits to be noted does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => null);
  return stat !== null && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
}
