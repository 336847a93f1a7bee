// A process that runs a user's functions, from the agent's side: asked for one thing at a time. Whatever a function
// does to its process (a crash, a leak, a loop without end) happens to it alone.

import { warmStartMsMax, warmStopMs, watchedFileCountMax } from "../../domain/limits-worker.ts";
import { errorCodeOf } from "../../platform/durable-files.ts";
import { scriptRuntime, withTextFile } from "../../platform/own-program.ts";
import { stampOf } from "../../platform/file-stamp.ts";
import type { HostAsk, HostFailure, HostListing, HostResult, HostSays } from "./host-messages.ts";
import { withinMs } from "../warm/job-limit.ts";
import { untilOutputIsRead } from "../warm/last-output.ts";
import { guardMemory, tooMuchInWords } from "../warm/memory-guard.ts";
import type { Report } from "../runner.ts";
import { endInWords, startProcess, wordsInWords } from "../warm/warm-process.ts";
import type { ProcessEnd, WarmDeps, WarmProcess } from "../warm/warm-process.ts";

/** The process ended before it answered. */
export type HostEnd = ProcessEnd & { readonly op: "ended"; readonly info: string };

export type HostAnswer = HostResult | HostFailure | HostListing | HostEnd;

export type FunctionProcess = {
  readonly pid: number;
  hasEnded(): boolean;
  /** True while the files that it has loaded are as they were. */
  isCurrent(): boolean;
  /** Hands over what the function says meanwhile. One at a time. */
  ask(ask: HostAsk, report: Report): Promise<HostAnswer>;
  end(killAfterMs: number): Promise<void>;
};

export type FunctionProgram = {
  readonly file: string;
  readonly folder: string;
  readonly env: { readonly [name: string]: string };
  readonly memoryBytesMax: number | null;
  readonly onOutput: (bytes: Uint8Array) => void;
};

/** Resolves when it can be asked; a sentence says why it cannot. */
export async function startFunctionProcess(
  program: FunctionProgram,
  deps: WarmDeps,
): Promise<FunctionProcess | string> {
  const { file, memoryBytesMax } = program;
  const stamps = new Map([[file, stampOf(file)]]);
  const ready = Promise.withResolvers<"ready" | HostEnd>();
  let report: Report | null = null;
  let answer: (said: HostAnswer) => void = () => {};
  let end: HostEnd | null = null;

  const started = await spawn(program, deps, {
    onOutput(stream, bytes) {
      program.onOutput(bytes);
      report?.log(stream, bytes);
    },
    onMessage(message) {
      const said = message as HostSays; // Our own script is at the other end; functions have no hold of the channel.
      if (said.op === "ready") ready.resolve("ready");
      else if (said.op === "progress") report?.progress(said.percent, said.info);
      else if (said.op === "loaded") {
        for (const path of said.files) if (!stamps.has(path)) stamps.set(path, stampOf(path));
      } else answer(said);
    },
  });
  if (typeof started === "string") {
    return `A process for functions cannot be started (${started}).`;
  }
  const ended = endOf(started, memoryBytesMax, deps).then((told) => {
    end = told;
    ready.resolve(told);
    answer(told);
  });
  const first = await withinMs(ready.promise, warmStartMsMax, deps.clock);
  if (first !== "ready") {
    await started.end(warmStopMs);
    return first?.info ?? "A process for functions was not ready in time.";
  }
  return {
    pid: started.pid,
    hasEnded: started.hasEnded,
    isCurrent: () => [...stamps].every(([path, stamp]) => stampOf(path) === stamp),
    async ask(ask, listener) {
      if (end !== null) return end;
      const { promise, resolve } = Promise.withResolvers<HostAnswer>();
      report = listener;
      answer = resolve; // Not a race with the end: that would keep a part of each answer until then.
      started.send(ask);
      const said = await promise;
      await untilOutputIsRead();
      report = null;
      answer = () => {};
      return said;
    },
    async end(killAfterMs) {
      await started.end(killAfterMs);
      await ended;
    },
  };
}

/** Resolves with its end, which comes when it uses too much memory at the latest. */
async function endOf(
  started: WarmProcess,
  memoryBytesMax: number | null,
  { clock }: WarmDeps,
): Promise<HostEnd> {
  let excess: string | null = null;
  const guard = guardMemory(started.pid, memoryBytesMax, clock, (memoryBytes) => {
    excess = tooMuchInWords(memoryBytes, memoryBytesMax);
    void started.end(warmStopMs); // Waited for below.
  });
  const end = await started.ended;
  guard.stop();
  const what = excess ?? `${endInWords(end)} before it answered`;
  const info = `The process of the function ${what}.${wordsInWords(started.lastWords())}`;
  return { op: "ended", ...end, info };
}

async function spawn(
  { folder, env }: FunctionProgram,
  deps: WarmDeps,
  listeners: Pick<Parameters<typeof startProcess>[0], "onOutput" | "onMessage">,
) {
  const runtime = scriptRuntime();
  const script = `${await hostText()}\nstartHost(${watchedFileCountMax});\n`;
  // No packages are fetched behind the user's back, and no .env speaks for the agent's owner.
  const command = [runtime.path, "--no-install", "--no-env-file", "run", "-"];
  const name = `gridlike-host-${deps.random.bytes(16).toHex()}.ts`;
  try {
    return withTextFile(name, script, (input) =>
      startProcess({ command, folder, env: { ...env, ...runtime.env }, input, ...listeners }, deps),
    );
  } catch (error) {
    const code = errorCodeOf(error); // The folder for temporary files takes none.
    if (code === null) throw error;
    return code;
  }
}

/** The text of the host's script, which the build carries along. */
async function hostText(): Promise<string> {
  const module: unknown = await import("./function-host.ts", { with: { type: "text" } });
  return (module as { readonly default: string }).default; // The text, as the attribute asks for.
}
