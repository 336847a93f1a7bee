// The text messages of the original worker protocol: what a worker may say, parsed once at the edge.

import * as v from "valibot";
import { cutToBytes } from "../domain/cut-text.ts";
import {
  failureInfoCharactersMax,
  failureLogBytesMax,
  progressInfoCharactersMax,
  workerIdCharactersMax,
  workerNameCharactersMax,
} from "../domain/limits.ts";

/** Text cut to a length; the original sends whatever it likes. */
const text = (charactersMax: number) =>
  v.pipe(
    v.string(),
    v.transform((value) => value.slice(0, charactersMax).toWellFormed()),
  );
const optional = (charactersMax: number) => v.nullish(text(charactersMax), null);

const logs = v.pipe(
  v.string(),
  v.transform((value) => cutToBytes(value, failureLogBytesMax)),
);

const Register = v.object({
  code: v.literal(0),
  name: text(workerNameCharactersMax),
  id: v.nullish(text(workerIdCharactersMax), ""),
  token: v.nullish(v.string(), ""),
});
const Status = v.object({ code: v.literal(1), status: v.picklist([0, 1]) });
// Progress is a word to people: a rounding error in it is no reason to end a conversation.
const Progress = v.object({
  code: v.literal(3),
  percent: v.nullish(v.pipe(v.number(), v.toMinValue(0), v.toMaxValue(100)), null),
  info: optional(progressInfoCharactersMax),
});
const Failed = v.object({
  code: v.literal(4),
  info: optional(failureInfoCharactersMax),
  logs: v.nullish(logs, null),
});
const Message = v.variant("code", [Register, Status, Progress, Failed]);

export type ClassicMessage = v.InferOutput<typeof Message>;

/** The server's only text message: it asks for the worker's status. */
export const statusRequest = JSON.stringify({ code: 2 });

/** The message, or the reason why the text is none. */
export function parseClassic(frame: string): ClassicMessage | { readonly malformed: string } {
  let json: unknown;
  try {
    json = JSON.parse(frame);
  } catch {
    return { malformed: "the text is no JSON" };
  }
  if (typeof json !== "object" || json === null) return { malformed: "the message is no object" };
  const code = "code" in json ? json.code : undefined;
  if (code !== 0 && code !== 1 && code !== 3 && code !== 4) {
    return { malformed: `code ${describe(code)} is unknown` };
  }
  const parsed = v.safeParse(Message, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  return {
    malformed: `code ${code}: ${v.getDotPath(issue) ?? "message"}: ${issue.message}`.slice(0, 100),
  };
}

/** Never descends: a nested code may be deeper than the stack. */
function describe(code: unknown): string {
  if (code === undefined) return "missing";
  if (typeof code === "object" && code !== null) return Array.isArray(code) ? "[…]" : "{…}";
  return JSON.stringify(code).slice(0, 20);
}
