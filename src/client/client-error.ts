// What goes wrong, as callers see it: one code from the closed list of the API, or "unreachable" when no answer
// of a GridLike server came. Messages hold words of strangers, so they are made fit for terminals and logs.

import { problems, type Json, type ProblemCode } from "../domain/errors.ts";
import type { FailReason } from "../domain/job.ts";
import { clientMessageCharactersMax } from "./limits.ts";
import { parseProblem } from "../protocol/problem.ts";

export type ClientCode = ProblemCode | "unreachable";

export type ErrorFacts = {
  /** Of the answer; null when there was none, or when the client itself found the mistake. */
  readonly status?: number | null;
  /** What the server's log has this request under. */
  readonly requestId?: string | null;
  readonly info?: { readonly [name: string]: Json };
  /** How long the server asked to wait before another try. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
};

export class ClientError extends Error {
  readonly status: number | null;
  readonly requestId: string | null;
  /** The sentence: the thing, the value, the remedy. */
  readonly detail: string;
  readonly info: { readonly [name: string]: Json };
  readonly retryAfterMs: number | null;

  constructor(
    readonly code: ClientCode,
    sentence: string,
    facts: ErrorFacts = {},
  ) {
    const detail = plainText(sentence);
    super(detail, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "ClientError";
    this.detail = detail;
    this.status = facts.status ?? null;
    this.requestId = facts.requestId ?? null;
    this.info = facts.info ?? {};
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

/** The job was settled without a result: it failed or was cancelled. */
export class JobFailed extends ClientError {
  /** The job's key. */
  readonly key: string;
  readonly outcome: "failed" | "cancelled";
  readonly reason: FailReason | null;
  /** What the worker said, as it said it. */
  readonly jobInfo: string | null;

  constructor(error: ClientError, outcome: "failed" | "cancelled") {
    const { status, requestId, info } = error;
    super(error.code, error.detail, { status, requestId, info });
    this.name = "JobFailed";
    this.outcome = outcome;
    this.key = textOf(info.key) ?? "";
    this.reason = textOf(info.reason) as FailReason | null; // The server's word, from its closed list.
    this.jobInfo = textOf(info.info);
  }
}

/** The error that an answer other than 2xx is. */
export async function readError(answer: Response): Promise<ClientError> {
  const problem = parseProblem(parseJson(await answer.text()));
  const facts = {
    status: answer.status,
    requestId: answer.headers.get("x-request-id"),
    retryAfterMs: retryAfterMs(answer.headers.get("retry-after")),
  };
  if (problem !== null) {
    const { code, detail, info } = problem;
    return new ClientError(code, detail, { ...facts, info });
  }
  const sentence = `The server answered ${answer.status} without saying why: something between may have.`;
  return new ClientError(codeOfStatus(answer.status), sentence, facts);
}

/** What a runtime says of a failed network. Node hides it in the cause of a "fetch failed". */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== ""
    ? `${error.message} (${error.cause.message})`
    : error.message;
}

/** True when the error says nothing about one job in particular: whoever works on many stops at it. */
export function isGeneral({ code }: ClientError): boolean {
  return code in generalCodes;
}

const generalCodes: Partial<Record<ClientCode, true>> = {
  unreachable: true,
  unauthenticated: true,
  forbidden: true,
  "host-not-served": true,
  "no-such-route": true,
  "protocol-version": true,
  quota: true,
  "rate-limited": true,
  internal: true,
  "shutting-down": true,
  overloaded: true,
  "disk-low": true,
};

/** For answers that something else than the server gave, or a server that knows more codes than we do. */
function codeOfStatus(status: number): ClientCode {
  if (status === 404) return "no-such-route";
  if (status === 429) return "rate-limited";
  if (status === 503) return "overloaded";
  if (status === 502 || status === 504) return "unreachable"; // A proxy tells that there is nobody behind it.
  const codes = Object.keys(problems) as ProblemCode[];
  const found = codes.find((code) => problems[code].status === status);
  return found ?? (status >= 500 ? "internal" : "malformed");
}

/** Milliseconds, or null when no number of seconds was said. */
function retryAfterMs(header: string | null): number | null {
  return header !== null && /^[0-9]{1,9}$/.test(header.trim()) ? Number(header) * 1000 : null;
}

/** Without what would steer a terminal or turn the text around, and of bounded length. */
function plainText(text: string): string {
  return text.slice(0, clientMessageCharactersMax).toWellFormed().replaceAll(hidden, "\ufffd");
}

// All control characters but tab and newline, and those that reverse the reading order.
const hidden =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // No problem document of ours, then.
  }
}
