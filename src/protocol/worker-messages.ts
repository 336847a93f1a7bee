// What a worker and a server say to each other on a `gridlike.v2` socket: headers of framed messages, both ways.
// Shapes and their parsing only; what may be said when is the business of the two sessions.

import * as v from "valibot";
import {
  tagCharactersMax,
  tagCountMax,
  workerIdCharactersMax,
  workerNameCharactersMax,
  workerSlotCountMax,
  workerWindowMax,
} from "../domain/limits.ts";
import type { MessageHeader } from "./frame.ts";
import { notFitting, readLines } from "./read-message.ts";

export const workerProtocol = "gridlike.v2";

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const text = v.string();
const tag = v.pipe(v.string(), v.minLength(1), v.maxLength(tagCharactersMax));
const resources = v.object({
  cpus: v.optional(v.pipe(v.number(), v.minValue(0))),
  memory_bytes: v.optional(count),
  gpus: v.optional(count),
  tags: v.optional(v.pipe(v.array(tag), v.maxLength(tagCountMax))),
});
const attempt = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const about = { job: id, attempt };
const proven = { ...about, token: digest };

/** What a worker measures of its machine; every field may be missing. */
const vitals = v.object({
  load: v.optional(v.pipe(v.number(), v.minValue(0))),
  cpu: v.optional(
    v.pipe(v.array(v.pipe(v.number(), v.minValue(0), v.maxValue(1))), v.maxLength(1024)),
  ),
  memory_bytes: v.optional(count),
  memory_used_bytes: v.optional(count),
});

const fromWorker = {
  /** The body: held attempts, a line of JSON each. */
  hello: v.object({
    op: v.literal("hello"),
    worker_id: v.pipe(v.string(), v.minLength(1), v.maxLength(workerIdCharactersMax)),
    name: v.pipe(v.string(), v.maxLength(workerNameCharactersMax)),
    boot_id: v.pipe(v.string(), v.minLength(16), v.maxLength(64)),
    types: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(1000)), []),
    slots: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(workerSlotCountMax)),
    resources: v.optional(resources, {}),
    arch: v.optional(text),
    os: v.optional(text),
    agent: v.optional(text),
    features: v.optional(v.pipe(v.array(text), v.maxLength(64)), []),
  }),
  /** More held attempts than one hello can name; before `ready`. */
  holding: v.object({ op: v.literal("holding") }),
  ready: v.object({ op: v.literal("ready"), window: v.pipe(count, v.maxValue(workerWindowMax)) }),
  beat: v.object({
    op: v.literal("beat"),
    holding: v.optional(v.array(v.tuple([id, attempt, v.picklist(["queued", "running"])])), []),
    vitals: v.optional(vitals),
  }),
  started: v.object({ op: v.literal("started"), ...about }),
  progress: v.object({
    op: v.literal("progress"),
    ...about,
    percent: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(100))), null),
    info: v.optional(v.nullable(text), null),
  }),
  /** The body: bytes of the stream from `offset` on. */
  log: v.object({
    op: v.literal("log"),
    ...about,
    stream: v.picklist(["stdout", "stderr"]),
    offset: count,
  }),
  /** The body: the result. */
  result: v.object({
    op: v.literal("result"),
    ...proven,
    sha256: digest,
    size: count,
    content_type: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(255))), null),
  }),
  /** The body, or `logs`: what the job said last, as text. */
  fail: v.object({
    op: v.literal("fail"),
    ...proven,
    info: v.optional(v.nullable(text), null),
    logs: v.optional(v.nullable(text), null),
    exit_code: v.optional(v.nullable(v.pipe(v.number(), v.integer())), null),
    signal: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(32))), null),
    retryable: v.optional(v.boolean(), true),
    error: v.optional(v.unknown()),
  }),
  release: v.object({
    op: v.literal("release"),
    ...proven,
    why: v.picklist(["drain", "preempted", "unsupported", "no_space", "surplus"]),
  }),
  ended: v.object({ op: v.literal("ended"), ...about }),
  bye: v.object({ op: v.literal("bye"), why: v.optional(text, "") }),
} as const;

type Schemas = typeof fromWorker;
export type WorkerOp = keyof Schemas;
type OfWorker = { readonly [Op in WorkerOp]: v.InferOutput<Schemas[Op]> };
/** What a worker says. `id`, when it brought one, is echoed by the answer as `re`. */
export type WorkerSays = OfWorker[WorkerOp];
export type WorkerHello = OfWorker["hello"];
export type WorkerVitals = v.InferOutput<typeof vitals>;
export type WorkerResources = v.InferOutput<typeof resources>;

const heldLine = v.object({
  ...proven,
  state: v.picklist(["queued", "running", "finished", "failed"]),
  sha256: v.optional(v.nullable(digest), null),
  size: v.optional(v.nullable(count), null),
});
/** An attempt that a worker still has, as a line of `hello` or `holding`. */
export type HeldAttempt = v.InferOutput<typeof heldLine>;

/** What the worker is to do with an attempt that it holds, as a line of `welcome` or `held`. */
export type HeldVerdict = {
  readonly job: string;
  readonly attempt: number;
  readonly do: "continue" | "deliver" | "abandon" | "cancel";
};

export type ReceiptVerdict = "committed" | "superseded" | "abandon" | "conflict";

/** What a server says. */
export type ServerSays =
  /** The body: a HeldVerdict per line, for each held attempt of the hello. */
  | {
      readonly op: "welcome";
      readonly server: string;
      readonly incarnation: number;
      readonly heartbeat_ms: number;
      readonly lease_ms: number;
      readonly frame_body_bytes_max: number;
      readonly features: readonly string[];
    }
  /** The body: a HeldVerdict per line, for each held attempt of a `holding`. */
  | { readonly op: "held" }
  /** The body: the payload, unless `url` says where it is: a path below the server's own. */
  | {
      readonly op: "job";
      readonly job: string;
      readonly attempt: number;
      readonly token: string;
      readonly key: string;
      readonly type: string;
      readonly priority: "immediate" | "batch";
      readonly size: number;
      readonly sha256: string;
      readonly content_type?: string;
      readonly description?: string;
      readonly labels?: { readonly [name: string]: unknown };
      readonly requires?: string;
      readonly timeout_ms?: number;
      readonly kill_after_ms?: number;
      readonly url?: string;
    }
  | {
      readonly op: "receipt";
      readonly job: string;
      readonly attempt: number;
      readonly verdict: ReceiptVerdict;
    }
  | {
      readonly op: "cancel";
      readonly job: string;
      readonly attempt: number;
      readonly why: "cancelled" | "timeout" | "superseded";
    }
  | { readonly op: "drain"; readonly deadline_ms?: number }
  | { readonly op: "undrain" }
  | {
      readonly op: "bye";
      readonly why: "restart" | "replaced" | "kicked";
      readonly retry_after_ms: number;
    }
  | {
      readonly op: "refused";
      readonly code: string;
      readonly detail: string;
      readonly re?: number;
    };

/** Why a socket was closed, by number. The first four are worth another try. */
export const closeCodes = {
  restart: 1012,
  overloaded: 1013,
  tooSlow: 4408,
  rate: 4429,
  malformed: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  replaced: 4409,
  cloned: 4410,
  version: 4426,
} as const;

/** A message of a worker; "unknown-op" for an op of another version. Throws `malformed` for fields that do not fit. */
export function parseWorkerMessage(header: MessageHeader): WorkerSays | "unknown-op" {
  if (!isWorkerOp(header.op)) return "unknown-op";
  const read = v.safeParse(fromWorker[header.op], header);
  if (read.success) return read.output;
  throw notFitting(header.op, read.issues);
}

/** The held attempts in a body of lines. Throws `malformed`. */
export function parseHeld(body: Uint8Array): readonly HeldAttempt[] {
  return readLines(body).flatMap((line) => {
    const read = v.safeParse(heldLine, line);
    if (!read.success) throw notFitting("a held attempt", read.issues);
    return [read.output];
  });
}

function isWorkerOp(op: string): op is WorkerOp {
  return Object.hasOwn(fromWorker, op);
}
