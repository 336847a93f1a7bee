// Plays one side of a conversation of docs/protocol over a real socket, and checks what the other side says:
// playTranscript() is the worker of a server under test, playServer() the server of a worker under test.
// How frames are cut is free; what one side says in neighbouring lines may come in any order.

import type { Json } from "../../src/domain/errors.ts";
import {
  decodeFrame,
  encodeMessage,
  type Message,
  type MessageHeader,
} from "../../src/protocol/frame.ts";
import { createValues, textOf, type Values } from "./placeholders.ts";
import type { ActLine, BodyOf, ConnectLine, Line, Said } from "./transcript-lines.ts";
import { bytesOf, messagesOf } from "./vectors.ts";

type CloseLine = Extract<Line, { event: "close" }>;
export type HttpLine = Extract<Line, { http: unknown }>;
type Request = Extract<HttpLine, { from: "worker" }>["http"];
export type Side = "worker" | "server";

/** What comes on a socket. */
export type Heard =
  | { readonly kind: "frame"; readonly bytes: Uint8Array }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "closed"; readonly code: number };

export type HttpRequest = Request & { readonly bytes: Uint8Array };
export type HttpAnswer = { readonly status: number; readonly bytes: Uint8Array };

/** One end of the wire. Sockets are named by the numbers of the transcript. */
export type Wire = AsyncDisposable & {
  /** Resolves when the upgrade is answered, as the line says or with a complaint. */
  connect(line: ConnectLine): Promise<void>;
  say(socket: number, data: Uint8Array | string): void;
  hear(socket: number): Promise<Heard>;
  close(socket: number, code: number): Promise<void>;
  /** Without a word of closing. */
  cut(socket: number): Promise<void>;
  /** The worker's end: a request; its answer is awaited by `answered`. */
  request(request: HttpRequest): void;
  answered(): Promise<HttpAnswer>;
  /** The server's end: the next request, and its answer. */
  requested(): Promise<HttpRequest>;
  answer(answer: HttpAnswer): void;
};

export type Play = {
  readonly lines: readonly Line[];
  readonly side: Side;
  readonly wire: Wire;
  /** Does what people do: submits, cancels, restarts. Awaited before the next line. */
  readonly act: Act;
  /** What the other side may say without being asked to. */
  readonly isChatter: (header: MessageHeader) => boolean;
  /** Sockets that are played; the lines of others are passed over. */
  readonly sockets: readonly number[] | "all";
};
export type Act = (line: ActLine, values: Values) => Promise<void>;

export async function play({ lines, side, wire, act, isChatter, sockets }: Play): Promise<void> {
  const values = createValues();
  const ears = new Map<number, Ear>();
  const earOf = (socket: number) => {
    const ear = ears.get(socket);
    if (ear === undefined) throw new Error(`Socket ${socket} is not open.`);
    return ear;
  };
  const isPlayed = (line: Line) =>
    sockets === "all" || !("socket" in line) || sockets.includes(line.socket);
  const played = lines.filter(isPlayed);

  for (let at = 0; at < played.length; at += 1) {
    const line = played[at]!;
    try {
      if ("note" in line) continue;
      if ("http" in line) await passHttp(line, side, wire, values);
      else if ("event" in line && line.event === "connect") {
        await within(wire.connect(line), "the answer to the upgrade");
        if (line.status === 101) ears.set(line.socket, createEar(wire, line.socket, isChatter));
      } else if ("event" in line && line.event === "close") {
        await passClose(line, side, wire, earOf(line.socket));
      } else if ("event" in line) await within(act(line, values), `"${line.event}"`);
      else if (line.from === side) wire.say(line.socket, framesOf(line, values));
      else {
        const block = blockFrom(played, at);
        const later = played.slice(at + block.length).flatMap(messagesOf);
        await earOf(line.socket).expect(block.flatMap(messagesOf), later, values);
        at += block.length - 1;
      }
    } catch (error) {
      throw new Error(`${JSON.stringify(line)}\n${String(error)}`, { cause: error });
    }
  }
}

/** The neighbouring lines of one side on one socket. */
function blockFrom(lines: readonly Line[], at: number): readonly Line[] {
  const isOf = (line: Line | undefined, first: Line) =>
    line !== undefined &&
    "socket" in line &&
    "from" in line &&
    "socket" in first &&
    "from" in first &&
    line.socket === first.socket &&
    line.from === first.from;
  let end = at + 1;
  while (isOf(lines[end], lines[at]!)) end += 1;
  return lines.slice(at, end);
}

function framesOf(line: Extract<Line, { socket: number }>, values: Values): Uint8Array | string {
  if ("text" in line) return line.text;
  if ("bytes_hex" in line) return Uint8Array.fromHex(line.bytes_hex);
  return Buffer.concat(messagesOf(line).map((said) => encodeSaid(said, values)));
}

function encodeSaid(said: Said, values: Values): Uint8Array {
  const { url, attempt } = said.header;
  if (typeof url === "string") {
    const job = textOf(values.filled(said.header["job"] ?? null));
    values.bind(url, `work/${job}/${textOf(attempt ?? null)}/payload`);
  }
  return encodeMessage(values.fillHeader(said.header), bytesOf(said, values));
}

type Ear = {
  /** `later` is what the rest of the conversation has. */
  expect(wanted: readonly Said[], later: readonly Said[], values: Values): Promise<void>;
  closed(): Promise<number>;
};

function createEar(wire: Wire, socket: number, isChatter: Play["isChatter"]): Ear {
  const heard: Message[] = [];
  const next = async (what: string): Promise<Message | number> => {
    for (;;) {
      const message = heard.shift();
      if (message !== undefined) return message;
      const news = await within(wire.hear(socket), what);
      if (news.kind === "closed") return news.code;
      if (news.kind === "text") throw new Error(`A text frame came: ${news.text}`);
      heard.push(...decodeFrame(news.bytes));
    }
  };
  return {
    async expect(wanted, later, values) {
      const missing = [...wanted];
      const early: Message[] = [];
      while (missing.length > 0) {
        const message = await next(JSON.stringify(missing[0]));
        if (typeof message === "number") throw new Error(`The socket was closed with ${message}.`);
        const problems = missing.map((said) => saidMismatch(said, message, values));
        const found = problems.indexOf(null);
        if (found !== -1) missing.splice(found, 1);
        else if (!isChatter(message.header)) {
          if (!isEarly(message, later, values)) {
            throw new Error(`${JSON.stringify(message.header)} came: ${problems.join("; ")}`);
          }
          early.push(message);
        }
      }
      heard.unshift(...early);
    },
    async closed() {
      for (;;) {
        const message = await next("the close");
        if (typeof message === "number") return message;
        if (isChatter(message.header)) continue;
        throw new Error(`${JSON.stringify(message.header)} came instead of the close.`);
      }
    },
  };
}

/** What a worker says when its work ends, which may be before the others of a window. */
function isOutcome({ op }: MessageHeader): boolean {
  return op === "result" || op === "fail";
}

/** True if a quick worker says what a later line has. */
function isEarly({ header }: Message, later: readonly Said[], values: Values): boolean {
  return later.some(
    (said) =>
      isOutcome(said.header) &&
      header.op === said.header.op &&
      values.known(said.header["job"]) === header["job"] &&
      header["attempt"] === said.header["attempt"],
  );
}

function saidMismatch(said: Said, { header, body }: Message, values: Values): string | null {
  return values.mismatch(said.header, header) ?? bodyMismatch(said, body, values);
}

function bodyMismatch(wanted: BodyOf, body: Uint8Array, values: Values): string | null {
  if (wanted.body_any !== undefined) return null;
  if (wanted.body_json !== undefined) {
    return values.mismatch(wanted.body_json, JSON.parse(new TextDecoder().decode(body)) as Json);
  }
  if (wanted.body_lines !== undefined) return linesMismatch(wanted.body_lines, body, values);
  const expected = bytesOf(wanted, values);
  if (Buffer.from(body).equals(expected)) return null;
  return `the body has ${body.length} other bytes than the ${expected.length} expected`;
}

function linesMismatch(
  wanted: readonly { readonly [name: string]: Json }[],
  body: Uint8Array,
  values: Values,
): string | null {
  const texts = new TextDecoder().decode(body).split("\n");
  const lines = texts.filter((text) => text !== "").map((text) => JSON.parse(text) as Json);
  for (const one of wanted) {
    const problems = lines.map((line) => values.mismatch(one, line));
    const found = problems.indexOf(null);
    if (found === -1)
      return `no line of the body is ${JSON.stringify(values.filled(one))}: ${texts.join(" ")}`;
    lines.splice(found, 1);
  }
  return lines.length === 0 ? null : `the body has more lines: ${JSON.stringify(lines)}`;
}

async function passClose(line: CloseLine, side: Side, wire: Wire, ear: Ear): Promise<void> {
  if (line.by === "network") return wire.cut(line.socket);
  if (line.by === side) return within(wire.close(line.socket, line.code), "the close");
  const code = await ear.closed();
  if (code !== line.code) throw new Error(`The socket was closed with ${code}, not ${line.code}.`);
}

async function passHttp(line: HttpLine, side: Side, wire: Wire, values: Values): Promise<void> {
  const bytes = bytesOf(line, values);
  if (line.from === "worker") {
    const { method, path, headers } = line.http;
    const filled = values.filled(headers) as { readonly [name: string]: string };
    const wanted = { method, path: values.fillText(path), headers: filled };
    if (side === "worker") return wire.request({ ...wanted, bytes });
    const came = await within(wire.requested(), "the request");
    const target = { method: came.method, path: came.path };
    const other = values.mismatch({ method, path: wanted.path }, target);
    const problem =
      other ?? headersMismatch(filled, came.headers) ?? bodyMismatch(line, came.bytes, values);
    if (problem !== null) throw new Error(problem);
    return;
  }
  if (side === "server") return wire.answer({ status: line.http.status, bytes });
  const came = await within(wire.answered(), "the answer");
  const wrong = came.status === line.http.status ? null : `the status is ${came.status}`;
  const problem = wrong ?? bodyMismatch(line, came.bytes, values);
  if (problem !== null) throw new Error(problem);
}

function headersMismatch(
  wanted: { readonly [name: string]: string },
  came: { readonly [name: string]: string },
): string | null {
  for (const [name, value] of Object.entries(wanted)) {
    const found = came[name.toLowerCase()];
    if (found !== value) return `the header ${name} is ${found}, not ${value}`;
  }
  return null;
}

const answerMsMax = 15_000;

/** A bound for the case that the other side never says it. */
async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const message = `Nothing came for ${answerMsMax} ms. Awaited: ${what}`;
  const timer = setTimeout(() => late.reject(new Error(message)), answerMsMax);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
