// What the spool writes beside, or instead of, the bytes of a result: everything that is needed to tell an end to
// the server after a restart. It holds the attempt's token, so its file is its owner's alone.

import type { Ended } from "./outcome.ts";

const format = 1;

export function toSidecar(ended: Ended): string {
  const { job, attempt, token, kind } = ended;
  const about = { format, job, attempt, token, state: kind };
  if (ended.kind === "failed") {
    const { info, logs, exitCode, signal, retryable } = ended;
    return JSON.stringify({
      ...about,
      failure: { info, logs, exit_code: exitCode, signal, retryable },
    });
  }
  const { sha256, size, contentType, bytes } = ended;
  const base64 = bytes === null ? null : bytes.toBase64();
  return JSON.stringify({ ...about, sha256, size, content_type: contentType, bytes: base64 });
}

/** Null for what is damaged, or of a format that is not known here. */
export function parseSidecar(text: string): Ended | null {
  const told = toObject(parseJson(text));
  if (told === null || told.format !== format) return null;
  const { job, attempt, token, state } = told;
  if (typeof job !== "string" || !/^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/.test(job)) return null;
  if (typeof attempt !== "number" || !Number.isSafeInteger(attempt) || attempt < 1) return null;
  if (typeof token !== "string" || !isDigest(token)) return null;
  const about = { job, attempt, token };
  if (state === "finished") {
    const result = toResult(told);
    return result === null ? null : { ...about, kind: "finished", ...result };
  }
  const failure = state === "failed" ? toFailure(toObject(told.failure)) : null;
  return failure === null ? null : { ...about, kind: "failed", ...failure };
}

type Told = { readonly [field: string]: unknown };

function toResult({ sha256, size, content_type: contentType, bytes: base64 }: Told) {
  if (typeof sha256 !== "string" || !isDigest(sha256)) return null;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return null;
  if (contentType !== null && typeof contentType !== "string") return null;
  if (base64 === null) return { sha256, size, contentType, bytes: null };
  if (typeof base64 !== "string") return null;
  const bytes = fromBase64(base64);
  return bytes?.length === size ? { sha256, size, contentType, bytes } : null;
}

function toFailure(told: Told | null) {
  if (told === null) return null;
  const { info, logs, exit_code: exitCode, signal, retryable } = told;
  if (typeof info !== "string" || typeof logs !== "string") return null;
  if (exitCode !== null && typeof exitCode !== "number") return null;
  if (signal !== null && typeof signal !== "string") return null;
  if (typeof retryable !== "boolean") return null;
  return { info, logs, exitCode, signal, retryable };
}

function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function toObject(value: unknown): Told | null {
  return typeof value === "object" && value !== null ? { ...value } : null;
}
