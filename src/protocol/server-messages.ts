// What a server says to a worker on a `gridlike.v2` socket, read by the worker: unknown headers become messages.
// The names of jobs become names of files there, so they are held to letters, digits and dashes.

import * as v from "valibot";
import { jobIdCharactersMax } from "../domain/limits.ts";
import type { MessageHeader } from "./frame.ts";
import { notFitting, readLines } from "./read-message.ts";
import type { HeldVerdict, ServerSays } from "./worker-messages.ts";

const job = v.pipe(
  v.string(),
  v.maxLength(jobIdCharactersMax),
  v.regex(/^[0-9A-Za-z][0-9A-Za-z-]*$/),
);
const attempt = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const about = { job, attempt };

const fromServer = {
  welcome: v.object({
    op: v.literal("welcome"),
    server: v.optional(v.string(), ""),
    incarnation: v.optional(count, 0),
    heartbeat_ms: v.pipe(count, v.minValue(1)),
    lease_ms: v.optional(count, 0),
    frame_body_bytes_max: count,
    features: v.optional(v.array(v.string()), []),
  }),
  held: v.object({ op: v.literal("held") }),
  job: v.object({
    op: v.literal("job"),
    ...about,
    token: digest,
    key: v.string(),
    type: v.string(),
    priority: v.picklist(["immediate", "batch"]),
    size: count,
    sha256: digest,
    content_type: v.exactOptional(v.string()),
    description: v.exactOptional(v.string()),
    labels: v.exactOptional(v.record(v.string(), v.unknown())),
    requires: v.exactOptional(v.string()),
    timeout_ms: v.exactOptional(v.pipe(count, v.minValue(1))),
    kill_after_ms: v.exactOptional(count),
    url: v.exactOptional(v.string()),
  }),
  receipt: v.object({
    op: v.literal("receipt"),
    ...about,
    // Whatever a later server calls it, the worker may forget.
    verdict: v.fallback(v.picklist(["committed", "superseded", "abandon", "conflict"]), "abandon"),
  }),
  cancel: v.object({
    op: v.literal("cancel"),
    ...about,
    why: v.fallback(v.picklist(["cancelled", "timeout", "superseded"]), "cancelled"),
  }),
  drain: v.object({ op: v.literal("drain"), deadline_ms: v.exactOptional(count) }),
  undrain: v.object({ op: v.literal("undrain") }),
  bye: v.object({
    op: v.literal("bye"),
    why: v.fallback(v.picklist(["restart", "replaced", "kicked"]), "restart"),
    retry_after_ms: v.optional(count, 0),
  }),
  refused: v.object({
    op: v.literal("refused"),
    code: v.string(),
    detail: v.optional(v.string(), ""),
    re: v.exactOptional(count),
  }),
} as const;

type ServerOp = keyof typeof fromServer;

/** A message of a server; "unknown-op" for an op of another version. Throws `malformed` for fields that do not fit. */
export function parseServerMessage(header: MessageHeader): ServerSays | "unknown-op" {
  if (!isServerOp(header.op)) return "unknown-op";
  const given = header.op === "job" ? withoutNulls(header) : header;
  const read = v.safeParse(fromServer[header.op], given);
  if (read.success) return read.output;
  throw notFitting(header.op, read.issues);
}

const verdictLine = v.object({ ...about, do: v.string() });

/** The verdicts in a body of lines. One of a kind that is not known here is left out. Throws `malformed`. */
export function parseVerdicts(body: Uint8Array): readonly HeldVerdict[] {
  return readLines(body).flatMap((line) => {
    const read = v.safeParse(verdictLine, line);
    if (!read.success) throw notFitting("a verdict", read.issues);
    const { job: of, attempt: number, do: verdict } = read.output;
    return isVerdict(verdict) ? [{ job: of, attempt: number, do: verdict }] : [];
  });
}

function isVerdict(word: string): word is HeldVerdict["do"] {
  return word === "continue" || word === "deliver" || word === "abandon" || word === "cancel";
}

function isServerOp(op: string): op is ServerOp {
  return Object.hasOwn(fromServer, op);
}

/** A job's absent facts may be told as null. */
function withoutNulls(header: MessageHeader): { readonly [field: string]: unknown } {
  return Object.fromEntries(Object.entries(header).filter(([, value]) => value !== null));
}
