// The shapes of the lines in docs/protocol, as the README there describes them.

import * as v from "valibot";
import type { Json } from "../../src/domain/errors.ts";
import type { MessageHeader } from "../../src/protocol/frame.ts";

const text = v.string();
const number = v.pipe(v.number(), v.integer());
const json = v.custom<Json>((value) => value !== undefined);
const object = v.record(text, json);
const body = {
  body_text: v.optional(text),
  body_base64: v.optional(text),
  /** Sent as it stands; whoever hears accepts any. */
  body_any: v.optional(text),
  /** A line of JSON each; in any order. */
  body_lines: v.optional(v.array(object)),
  body_json: v.optional(object),
  body_repeat: v.optional(v.strictObject({ text, count: number })),
};
const header = v.pipe(
  v.looseObject({ op: text }),
  v.transform((fields) => fields as MessageHeader),
);
const message = { header, ...body };
const socket = { socket: v.optional(number, 1) };
const from = v.picklist(["worker", "server"]);
const headers = v.optional(v.record(text, text), {});

export const lineShape = v.union([
  v.strictObject({ note: text }),
  v.strictObject({
    event: v.literal("connect"),
    ...socket,
    offers: v.array(text),
    token: v.picklist(["right", "wrong"]),
    /** Of the answer to the upgrade. */
    status: number,
    protocol: v.optional(v.nullable(text), null),
    /** Of the problem, when it is refused. */
    code: v.optional(text),
  }),
  v.strictObject({
    event: v.literal("close"),
    ...socket,
    by: v.picklist(["worker", "server", "network"]),
    code: number,
  }),
  v.strictObject({ event: v.literal("submit"), key: text, options: v.optional(object), ...body }),
  v.strictObject({ event: v.picklist(["cancel", "delete", "finish"]), key: text }),
  v.strictObject({ event: v.picklist(["drain", "undrain"]), worker: text }),
  v.strictObject({ event: v.literal("restart") }),
  v.strictObject({ event: v.literal("stop"), ...socket }),
  v.strictObject({ event: v.literal("look"), key: text, status: text, ...body }),
  v.strictObject({ from, ...socket, ...message }),
  v.strictObject({ from, ...socket, frame: v.array(v.strictObject(message)) }),
  v.strictObject({ from, ...socket, bytes_hex: text }),
  v.strictObject({ from, ...socket, text }),
  v.strictObject({
    from: v.literal("worker"),
    http: v.strictObject({ method: text, path: text, headers }),
    ...body,
  }),
  v.strictObject({ from: v.literal("server"), http: v.strictObject({ status: number }), ...body }),
]);

export type Line = v.InferOutput<typeof lineShape>;
export type Said = { readonly header: MessageHeader } & BodyOf;
export type BodyOf = { readonly [K in keyof typeof body]?: v.InferOutput<(typeof body)[K]> };
export type ConnectLine = Extract<Line, { event: "connect" }>;
export type ActLine = Exclude<
  Extract<Line, { event: string }>,
  { event: "connect" } | { event: "close" }
>;

export const frameLineShape = v.union([
  v.strictObject({
    note: text,
    frame_hex: text,
    repeat: v.optional(number, 1),
    messages: v.array(v.strictObject({ header, body_hex: v.optional(text, "") })),
    only: v.optional(v.literal("decode")),
  }),
  v.strictObject({
    note: text,
    frame_hex: text,
    repeat: v.optional(number, 1),
    close: v.literal(4400),
  }),
]);
export type FrameVector = v.InferOutput<typeof frameLineShape>;
