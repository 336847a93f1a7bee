// Reads the conversations and frames of docs/protocol, and checks that they are what the protocol allows: each line
// has the shape that the README there describes, each message fits its schema, each hash its bytes.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { MessageHeader } from "../../src/protocol/frame.ts";
import { parseServerMessage, parseVerdicts } from "../../src/protocol/server-messages.ts";
import { parseHeld, parseWorkerMessage } from "../../src/protocol/worker-messages.ts";
import { createValues, type Values } from "./placeholders.ts";
import {
  frameLineShape,
  lineShape,
  type BodyOf,
  type FrameVector,
  type Line,
  type Said,
} from "./transcript-lines.ts";

const folder = join(import.meta.dir, "../../docs/protocol");

/** The names of the conversations. */
export function transcriptNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".jsonl") && file !== "frames.jsonl")
    .map((file) => file.slice(0, -".jsonl".length))
    .toSorted();
}

/** Conversations in which the server does what a real one does not do on demand. */
const forWorkersAlone = [
  "cancel-late",
  "later-server",
  "malformed-server",
  "missing-subprotocol",
  "receipt-lost",
  "release-late",
];

/** Conversations in which the worker makes mistakes, shows off, or is two. */
const forServersAlone = [
  "malformed",
  "no-common-version",
  "replaced",
  "resume-many",
  "signs-of-life",
  "unknown-op",
];

/** Those to play against a server under test. */
export function transcriptsForServers(): readonly string[] {
  return transcriptNames().filter((name) => !forWorkersAlone.includes(name));
}

/** Those to play against a worker under test. */
export function transcriptsForWorkers(): readonly string[] {
  return transcriptNames().filter((name) => !forServersAlone.includes(name));
}

export function readTranscript(name: string): readonly Line[] {
  return parseTranscript(readFileSync(join(folder, `${name}.jsonl`), "utf8"));
}

export function parseTranscript(lines: string): readonly Line[] {
  return parseLines(lineShape, lines);
}

export function readFrameVectors(): readonly FrameVector[] {
  return parseLines(frameLineShape, readFileSync(join(folder, "frames.jsonl"), "utf8"));
}

function parseLines<S extends v.GenericSchema>(schema: S, lines: string): v.InferOutput<S>[] {
  return lines
    .trimEnd()
    .split("\n")
    .map((text, index) => {
      const read = v.safeParse(schema, JSON.parse(text));
      if (read.success) return read.output;
      throw new Error(`Line ${index + 1} has no shape that is known: ${text}`);
    });
}

/** The messages of a line, and none of a line that has none. */
export function messagesOf(line: Line): readonly Said[] {
  if ("header" in line) return [line];
  return "frame" in line ? line.frame : [];
}

/** The bytes of a body, with placeholders filled in. */
export function bytesOf(given: BodyOf, values: Values): Uint8Array {
  if (given.body_base64 !== undefined) return Uint8Array.fromBase64(given.body_base64);
  return new TextEncoder().encode(textOf(given, values));
}

function textOf(given: BodyOf, values: Values): string {
  const { body_lines: lines, body_json: object, body_repeat: repeat } = given;
  if (lines !== undefined)
    return lines.map((one) => `${JSON.stringify(values.filled(one))}\n`).join("");
  if (object !== undefined) return JSON.stringify(values.filled(object));
  if (repeat !== undefined) return repeat.text.repeat(repeat.count);
  return given.body_text ?? given.body_any ?? "";
}

/** What the protocol does not allow in a conversation. A message before a close with 4400 may be as wrong as it likes. */
export function transcriptProblems(lines: readonly Line[]): readonly string[] {
  const values = createValues();
  const open = new Set<number>();
  return lines.flatMap((one, index) => {
    const problems: string[] = [];
    const next = lines[index + 1];
    const isWrongOnPurpose = next !== undefined && "code" in next && next.code === 4400;
    if ("event" in one && one.event === "connect" && one.status === 101) open.add(one.socket);
    if ("event" in one && one.event === "close") {
      if (!open.delete(one.socket)) problems.push("closes a socket that is not open");
    }
    if ("from" in one && "socket" in one && !open.has(one.socket)) {
      problems.push("is said on a socket that is not open");
    }
    for (const said of messagesOf(one)) {
      if ("from" in one && !isWrongOnPurpose)
        problems.push(...messageProblems(one.from, said, values));
    }
    return problems.map((problem) => `line ${index + 1}: ${problem}`);
  });
}

/** Ops that are in no schema because they show what is done with unknown ones. */
const inventedOps = ["dance", "sing"];

function messageProblems(from: "worker" | "server", said: Said, values: Values): readonly string[] {
  const header = values.fillHeader(said.header);
  const bytes = bytesOf(said, values);
  try {
    const parsed = from === "worker" ? parseWorkerMessage(header) : parseServerMessage(header);
    if (parsed === "unknown-op") {
      return inventedOps.includes(header.op) ? [] : [`no ${from} says ${header.op}`];
    }
    if (header.op === "hello" || header.op === "holding") parseHeld(bytes);
    if (header.op === "welcome" || header.op === "held") parseVerdicts(bytes);
  } catch (error) {
    return [String(error)];
  }
  return hashProblems(said, header, bytes);
}

function hashProblems(said: Said, header: MessageHeader, bytes: Uint8Array): readonly string[] {
  if (header.op !== "result" && header.op !== "job") return [];
  if (said.header["url"] !== undefined) return bytes.length === 0 ? [] : ["has a url and a body"];
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const problems: string[] = [];
  if (header["sha256"] !== sha256) problems.push(`the SHA-256 of the body is ${sha256}`);
  if (header["size"] !== bytes.length) problems.push(`the body has ${bytes.length} bytes`);
  return problems;
}

/** The bytes of a frame. */
export function frameOf({ frame_hex: hex, repeat }: FrameVector): Uint8Array {
  return Uint8Array.fromHex(hex.repeat(repeat));
}
