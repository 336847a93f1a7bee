// Stands before every runner of a worker: asks the owner's policy about each job, because a server may send what was
// never offered, holds each run to the owner's time limit, and tells of failures. Runs nothing itself.

import { shorterMs } from "../agent/warm/job-limit.ts";
import { wishProblem } from "../agent/policy.ts";
import type { Assignment, JobBytes, Outcome, Runner } from "../agent/runner.ts";
import { GridError } from "../domain/errors.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import { shippedJsonBytesMax } from "../protocol/shipped-limits.ts";
import type { WorkerPolicy } from "../domain/worker-policy.ts";
import { bytesOfFile } from "../platform/job-folder.ts";
import {
  archiveMediaType,
  commandEntry,
  commandType,
  decodeCommand,
  readDocument,
  unpackArchive,
  type ShippedCommand,
} from "../protocol/shipped-command.ts";

export type FailureNotice = {
  readonly key: string;
  readonly type: string;
  readonly info: string;
};

export type AllowedRunnerDeps = {
  readonly policy: WorkerPolicy;
  /** Longest run of a job; null leaves it to the job. */
  readonly timeLimitMs: number | null;
  readonly onFailure: (failure: FailureNotice) => void;
};

export function createAllowedRunner(runner: Runner, deps: AllowedRunnerDeps): Runner {
  const { policy, timeLimitMs, onFailure } = deps;
  return {
    async run(assignment, report, stop) {
      const { key, type, timeoutMs } = assignment;
      const problem = await problemOf(policy, assignment);
      const outcome =
        problem === null
          ? await runner.run(
              { ...assignment, timeoutMs: shorterMs(timeoutMs, timeLimitMs) },
              report,
              stop,
            )
          : forbidden(problem);
      if (outcome.kind === "failed") onFailure({ key, type, info: outcome.info });
      return outcome;
    },
    close: () => runner.close(),
  };
}

/** Another machine may have another policy. */
function forbidden(info: string): Outcome {
  return { kind: "failed", info, exitCode: null, signal: null, retryable: true };
}

async function problemOf(policy: WorkerPolicy, assignment: Assignment): Promise<string | null> {
  const { type } = assignment;
  if (type !== commandType) return wishProblem(policy, { type, program: null });
  // Which program it is matters only where some are allowed and others are not.
  if (policy.programs === null) return wishProblem(policy, { type, program: shell });
  const command = await commandOf(assignment);
  if (typeof command === "string") return command;
  const stray = Object.keys(command.env).find((name) => !name.startsWith(ourPrefix));
  if (stray !== undefined) {
    return `The policy of this machine names the programs that may run, and so no client may set ${stray}.`;
  }
  return wishProblem(policy, { type, program: command.argv?.[0] ?? shell });
}

const shell = "/bin/sh";

/** Variables that tell a command of its job. Any other could lead an allowed program to a file that came along. */
const ourPrefix = "GRIDLIKE_";

/** What a client sent; a sentence where that is no command. */
async function commandOf({ contentType, payload }: Assignment): Promise<ShippedCommand | string> {
  try {
    if (contentType !== archiveMediaType) return decodeCommand(await textOf(payload));
    const entries = unpackArchive(piecesOf(payload), [commandEntry], "shipped command");
    const first = await entries.next();
    const json = await readDocument(first.value ?? undefined, commandEntry);
    await entries.return();
    return decodeCommand(json);
  } catch (error) {
    if (error instanceof GridError) return error.message;
    throw error;
  }
}

async function textOf(payload: JobBytes): Promise<string> {
  const size = payload.kind === "bytes" ? payload.bytes.length : payload.sizeBytes;
  if (size > shippedJsonBytesMax) return "";
  return new TextDecoder().decode(joinBytes(await Array.fromAsync(piecesOf(payload))));
}

async function* piecesOf(payload: JobBytes): AsyncGenerator<Uint8Array, void, undefined> {
  if (payload.kind === "bytes") yield payload.bytes;
  else yield* bytesOfFile(payload.path);
}
