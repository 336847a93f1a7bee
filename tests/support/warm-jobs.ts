// What tests of warm programs share: real processes in a folder of their own, assignments, and what a job said.
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { machineEnvironment } from "../../src/agent/command/job-environment.ts";
import type { Assignment, JobBytes, Outcome, Report, Runner } from "../../src/agent/runner.ts";
import type { WarmDeps } from "../../src/agent/warm/warm-process.ts";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createSilentLog } from "../../src/platform/log.ts";
import { createProcessTrees } from "../../src/platform/process-tree.ts";
import { createSystemRandom } from "../../src/platform/random.ts";

const clock = createSystemClock();
/** One for the whole process, as in the agent. */
const trees = createProcessTrees({ clock });

export const warmDeps: WarmDeps = {
  clock,
  trees,
  random: createSystemRandom(),
  log: createSilentLog(),
  environment: machineEnvironment(process.env, []),
  resultBytesMax: 64 * 1024 * 1024,
};

export type WarmPlace = Awaited<ReturnType<typeof createWarmPlace>>;

/** A folder for a test's programs; what it opened is closed, and the folder gone, after `end`. */
export async function createWarmPlace() {
  const folder = await mkdtemp(join(tmpdir(), "warm-"));
  const runners: Runner[] = [];
  let jobCount = 0;
  return {
    folder,
    async write(name: string, text: string): Promise<string> {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      return path;
    },
    keep<R extends Runner>(runner: R): R {
      runners.push(runner);
      return runner;
    },
    async job(overrides: Partial<Assignment> & { readonly text?: string } = {}) {
      jobCount += 1;
      const directory = join(folder, `.job-${jobCount}`);
      await mkdir(directory);
      return anAssignment(`job-${jobCount}`, directory, overrides);
    },
    async end(): Promise<void> {
      await Promise.all(runners.map((runner) => runner.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function anAssignment(
  job: string,
  directory: string,
  { text = "", ...overrides }: Partial<Assignment> & { readonly text?: string },
): Assignment {
  return {
    job,
    attempt: 1,
    key: job,
    type: "",
    priority: "batch",
    contentType: null,
    description: null,
    payload: { kind: "bytes", bytes: new TextEncoder().encode(text) },
    directory,
    slot: 1,
    timeoutMs: null,
    killAfterMs: 200,
    ...overrides,
  };
}

/** Keeps what a job says. */
export function createListener() {
  let text = "";
  const notes: (readonly [number | null, string | null])[] = [];
  const report: Report = {
    progress: (percent, info) => void notes.push([percent, info]),
    log: (_stream, bytes) => void (text += new TextDecoder().decode(bytes)),
  };
  return { report, notes, text: () => text };
}

export const deaf = createListener().report;
export const never = new AbortController().signal;

export function run(runner: Runner, job: Assignment): Promise<Outcome> {
  return runner.run(job, deaf, never);
}

/** The result of a job that is done, as text; any other outcome fails the test. */
export async function resultOf(outcome: Outcome): Promise<string> {
  if (outcome.kind !== "done") throw new Error(`Not done: ${JSON.stringify(outcome)}`);
  return textOf(outcome.result);
}

export async function textOf(bytes: JobBytes): Promise<string> {
  return bytes.kind === "file"
    ? Bun.file(bytes.path).text()
    : new TextDecoder().decode(bytes.bytes);
}

/** The sentence of a job that failed; any other outcome fails the test. */
export function failureOf(outcome: Outcome): Extract<Outcome, { readonly kind: "failed" }> {
  if (outcome.kind !== "failed") throw new Error(`Not failed: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** Waits until it is so; the test's own time limit ends a wait in vain. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await clock.sleep(5, never);
}

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
