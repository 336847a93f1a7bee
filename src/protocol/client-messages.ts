// What a client and a server say to each other on a `gridlike.v2` socket at /api/client: headers of framed messages,
// both ways. Shapes and their parsing only. Whoever reads them ignores fields and messages that it does not know.

import * as v from "valibot";
import { GridError } from "../domain/errors.ts";
import { statuses } from "../domain/job.ts";
import { groupBytesMax, keyBytesMax, watchNameCountMax } from "../domain/limits.ts";
import type { MessageHeader } from "./frame.ts";
import { notFitting } from "./read-message.ts";

export const clientProtocol = "gridlike.v2";

/** Begins the subprotocol that carries a token, in base64url, where no header can be set: in browsers. */
export const tokenProtocolStart = "gridlike.token.";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const jobName = v.union([v.pipe(v.string(), v.minLength(1), v.maxLength(keyBytesMax)), count]);

/** What is to be told of the jobs. The latter two ask for it by themselves. */
const wishes = {
  /** Also each change of status before the end; else the end alone. */
  changes: v.optional(v.boolean(), true),
  /** The result travels with the end, when it is small. */
  with_result: v.optional(v.boolean(), false),
  progress: v.optional(v.boolean(), false),
};

const fromClient = {
  /** The body: the payload. All other fields are options of the submission. */
  submit: v.looseObject({
    op: v.literal("submit"),
    id: count,
    type: v.optional(v.nullable(v.string()), null),
    watch: v.optional(v.boolean(), false),
    ...wishes,
  }),
  /** Jobs by key, id or number; or all of a group, also those that come later. One of the two. */
  watch: v.object({
    op: v.literal("watch"),
    id: count,
    jobs: v.optional(v.pipe(v.array(jobName), v.minLength(1), v.maxLength(watchNameCountMax))),
    group: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(groupBytesMax))),
    ...wishes,
  }),
  /** Ends what a `watch` or a `submit` with this id began. */
  unwatch: v.object({ op: v.literal("unwatch"), id: count }),
  /** Asks for a sign of life. */
  beat: v.object({ op: v.literal("beat"), id: v.optional(count) }),
} as const;

type FromClient = typeof fromClient;
type OfClient = { readonly [Op in keyof FromClient]: v.InferOutput<FromClient[Op]> };
/** What a client says. Answers carry its `id` as `re`. */
export type ClientSays = OfClient[keyof FromClient];
export type SubmitMessage = OfClient["submit"];
export type WatchMessage = OfClient["watch"];

const text = v.string();
const status = v.picklist(statuses);
const maybe = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.optional(v.nullable(schema), null);
const worker = v.object({ id: text, name: text });
const progress = v.object({ percent: v.nullable(v.number()), info: v.nullable(text) });
const about = { re: count, job: text, key: text, seq: count };

const toClient = {
  welcome: v.object({
    op: v.literal("welcome"),
    server: v.optional(text, ""),
    incarnation: v.optional(count, 0),
    /** Larger payloads and results travel by HTTP. */
    frame_body_bytes_max: count,
    /** Submissions that may be unanswered: more are not read before. */
    submit_count_max: v.pipe(count, v.minValue(1)),
    submit_bytes_max: v.pipe(count, v.minValue(1)),
    /** Jobs that may be followed at a time. */
    watch_count_max: v.pipe(count, v.minValue(1)),
    features: v.optional(v.array(text), []),
  }),
  /** The job is kept. */
  submitted: v.object({
    op: v.literal("submitted"),
    ...about,
    replay: v.optional(v.boolean(), false),
  }),
  /** `job`: the one of several that it is about, as it was named. */
  refused: v.object({
    op: v.literal("refused"),
    re: v.optional(count),
    code: text,
    detail: v.optional(text, ""),
    info: v.optional(v.record(text, v.unknown()), {}),
    job: v.optional(v.union([text, count])),
  }),
  changed: v.object({
    op: v.literal("changed"),
    ...about,
    status,
    attempt: v.optional(count, 0),
    worker: maybe(worker),
    progress: maybe(progress),
  }),
  /** The body: the result, when it was asked for and is small; else `url` says where it is. */
  settled: v.object({
    op: v.literal("settled"),
    ...about,
    status: v.picklist(["done", "failed", "cancelled"]),
    attempt: v.optional(count, 0),
    reason: maybe(text),
    info: maybe(text),
    size: maybe(count),
    sha256: maybe(text),
    content_type: maybe(text),
    url: v.optional(text),
  }),
  /** What stood when the watch began is told; from here on it is news. */
  watching: v.object({ op: v.literal("watching"), re: count, jobs: v.optional(count, 0) }),
  beat: v.object({ op: v.literal("beat"), re: v.optional(count) }),
  bye: v.object({
    op: v.literal("bye"),
    why: v.optional(text, ""),
    retry_after_ms: v.optional(count, 0),
  }),
} as const;

type ToClient = typeof toClient;
type ForClient = { readonly [Op in keyof ToClient]: v.InferOutput<ToClient[Op]> };
/** What a server says, as it is read. */
export type ClientHears = ForClient[keyof ToClient];
export type SubmittedMessage = ForClient["submitted"];
export type RefusedMessage = ForClient["refused"];
export type ChangedMessage = ForClient["changed"];
export type SettledMessage = ForClient["settled"];
export type WelcomeMessage = ForClient["welcome"];

/** The same as it is written: what is absent is left out. */
export type ClientTold = {
  readonly [Op in keyof ToClient]: v.InferInput<ToClient[Op]>;
}[keyof ToClient];

/** A message of a client; "unknown-op" for an op of another version. Throws `malformed` for fields that do not fit. */
export function parseClientMessage(header: MessageHeader): ClientSays | "unknown-op" {
  if (!isOpOf(fromClient, header.op)) return "unknown-op";
  const read = v.safeParse(fromClient[header.op], header);
  if (!read.success) throw notFitting(header.op, read.issues);
  if (
    read.output.op === "watch" &&
    (read.output.jobs === undefined) === (read.output.group === undefined)
  ) {
    throw new GridError("malformed", 'A "watch" names jobs or a group: one of the two.');
  }
  return read.output;
}

/** A message of a server, for a client; the rest as above. */
export function parseToldMessage(header: MessageHeader): ClientHears | "unknown-op" {
  if (!isOpOf(toClient, header.op)) return "unknown-op";
  const read = v.safeParse(toClient[header.op], header);
  if (read.success) return read.output;
  throw notFitting(header.op, read.issues);
}

function isOpOf<Schemas extends object>(
  schemas: Schemas,
  op: string,
): op is keyof Schemas & string {
  return Object.hasOwn(schemas, op);
}
