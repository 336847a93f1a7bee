// The compiled program as a person starts it: in a folder that is its home, heard while it runs, gone with the test.

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce } from "./binary.ts";

export type Started = {
  readonly run: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** All that it has said so far. */
  said(): string;
  /** What the first group of the pattern finds, or all of what fits, once it was said. */
  until(pattern: RegExp): Promise<string>;
  /** Its exit code, after everything that it said was read. */
  end(): Promise<number>;
};

export type ProgramPlace = AsyncDisposable & {
  readonly folder: string;
  start(...words: readonly string[]): Started;
  /** The same, with more in its environment. */
  startWith(variables: { readonly [name: string]: string }, words: readonly string[]): Started;
};

/** What is started in it is killed when it is disposed of. */
export async function openProgramPlace(): Promise<ProgramPlace> {
  const binary = await buildOnce();
  const folder = mkdtempSync(join(tmpdir(), "gridlike-program-"));
  const running = new Set<Bun.Subprocess>();
  const startWith: ProgramPlace["startWith"] = (variables, words) => {
    const run = Bun.spawn([binary, ...words], {
      cwd: folder,
      env: { HOME: folder, PATH: process.env["PATH"] ?? "", ...variables },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    running.add(run);
    return heard(run);
  };
  return {
    folder,
    startWith,
    start: (...words) => startWith({}, words),
    async [Symbol.asyncDispose]() {
      for (const run of running) run.kill("SIGKILL");
      await Promise.all([...running].map((run) => run.exited));
      await rm(folder, { recursive: true });
    },
  };
}

function heard(run: Started["run"]): Started {
  const reader = run.stderr.getReader();
  const decoder = new TextDecoder();
  let said = "";
  const read = async () => {
    const { value, done } = await reader.read();
    said += decoder.decode(value, { stream: true });
    return !done;
  };
  return {
    run,
    said: () => said,
    async until(pattern) {
      for (;;) {
        const found = pattern.exec(said);
        if (found !== null) return found[1] ?? found[0];
        if (!(await read())) throw new Error(`It ended without saying ${pattern}: ${said}`);
      }
    },
    async end() {
      while (await read());
      return run.exited;
    },
  };
}
