// From what a runner answered to what is kept and told: a result is measured and hashed, and its bytes come to lie
// in the spool when they are many. What cannot be a result becomes a failure with a sentence.

import { join } from "node:path";
import { blobChunkBytesMax, failureInfoCharactersMax } from "../../domain/limits.ts";
import { spoolBytesMax } from "../../domain/limits-worker.ts";
import { writeScratch } from "../../platform/scratch-file.ts";
import { openSource } from "../../platform/source-file.ts";
import type { MemoryPressure } from "../../platform/memory-pressure.ts";
import type { AttemptName } from "../conversation/conversation-words.ts";
import type { Ended } from "./outcome.ts";
import type { JobBytes, Outcome } from "../runner.ts";
import type { Spool } from "./spool.ts";
import type { Hash } from "../transfer/tries.ts";

export type SettleDeps = {
  readonly spool: Pick<Spool, "adopt" | "pathOf">;
  readonly createHash: () => Hash;
  readonly sha256Hex: (bytes: Uint8Array) => string;
  readonly pressure: MemoryPressure;
  /** The most that travels within a message. */
  readonly bodyBytesMax: () => number;
};

export type Settled = {
  readonly name: AttemptName;
  readonly token: string;
  readonly directory: string;
  readonly tail: string;
};

/** Rejects when the disk fails. */
export async function settleDone(
  deps: SettleDeps,
  { name, token, directory, tail }: Settled,
  { result, contentType }: Extract<Outcome, { readonly kind: "done" }>,
): Promise<Ended> {
  const about = { job: name.job, attempt: name.attempt, token };
  const size = result.kind === "bytes" ? result.bytes.length : result.sizeBytes;
  if (size > spoolBytesMax) {
    const info = `The result has ${size} bytes; a worker keeps at most ${spoolBytesMax}. Write less, or put it elsewhere and answer with its place.`;
    return toFailed(about, { info, logs: tail, exitCode: null, signal: null, retryable: false });
  }
  if (size <= deps.bodyBytesMax()) {
    const bytes = await readWhole(result);
    const sha256 = deps.sha256Hex(bytes);
    return { ...about, kind: "finished", sha256, size: bytes.length, contentType, bytes };
  }
  await deps.spool.adopt(name, await fileOf(result, directory));
  const measured = await measure(deps, deps.spool.pathOf(name));
  return { ...about, kind: "finished", ...measured, contentType, bytes: null };
}

export type FailedFacts = Omit<Extract<Ended, { readonly kind: "failed" }>, keyof Named | "kind">;
type Named = AttemptName & { readonly token: string };

export function toFailed(about: Named, facts: FailedFacts): Ended {
  const info = facts.info.slice(0, failureInfoCharactersMax).toWellFormed();
  return { ...about, kind: "failed", ...facts, info };
}

async function readWhole(result: JobBytes): Promise<Uint8Array> {
  if (result.kind === "bytes") return result.bytes;
  const file = await openSource(result.path);
  try {
    return await file.read(0, result.sizeBytes);
  } finally {
    await file.close();
  }
}

async function fileOf(result: JobBytes, directory: string): Promise<string> {
  if (result.kind === "file") return result.path;
  const path = join(directory, ".gridlike-result");
  const { bytes } = result;
  await writeScratch(
    path,
    (async function* () {
      yield bytes;
    })(),
  );
  return path;
}

/** Of the bytes as they lie there now: whatever still writes to them is told by the server. */
async function measure({ createHash, pressure }: SettleDeps, path: string) {
  const hash = createHash();
  const file = await openSource(path);
  try {
    let size = 0;
    for (;;) {
      const bytes = await file.read(size, blobChunkBytesMax);
      if (bytes.length === 0) return { sha256: hash.hex(), size };
      hash.update(bytes);
      pressure.passed(bytes.length);
      size += bytes.length;
    }
  } finally {
    await file.close();
  }
}
