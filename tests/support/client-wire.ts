// A client on a real socket that does what a test tells it, byte for byte if need be, and keeps what it hears until it
// is asked for.

import type { Json } from "../../src/domain/errors.ts";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import { apiKey } from "./http-door.ts";

export type Heard = {
  readonly header: MessageHeader;
  readonly text: string;
  /** The number of the frame that it came in, from 1. */
  readonly frame: number;
};

export type ClientWire = AsyncDisposable & {
  readonly socket: WebSocket;
  say(op: string, fields?: Record<string, Json>, body?: Uint8Array | string): void;
  /** Several messages in one frame. */
  sayTogether(messages: readonly Said[]): void;
  sendRaw(data: Uint8Array | string): void;
  /** The next message with this op, and with this `re` if one is given. Rejects when the socket is closed. */
  next(op: string, re?: number): Promise<Heard>;
  /** Messages that came and that nobody asked for. */
  unheard(): readonly Heard[];
  closed(): Promise<{ readonly code: number; readonly reason: string }>;
};

export type Said = readonly [op: string, fields: Record<string, Json>, body?: string];

export type WireOptions = {
  readonly headers?: Record<string, string>;
  readonly protocols?: readonly string[];
};

/** Opens a socket and hears the welcome. */
export async function openClientWire(api: string, options: WireOptions = {}): Promise<ClientWire> {
  const { headers = { "X-API-KEY": apiKey }, protocols = ["gridlike.v2"] } = options;
  const socket = new WebSocket(`${api.replace("http", "ws")}/client`, {
    protocols: [...protocols],
    headers,
  });
  socket.binaryType = "arraybuffer";
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const heard: Heard[] = [];
  let isClosed = false;
  let frameCount = 0;
  let onNews: (() => void)[] = [];
  const wake = () => {
    const waiting = onNews;
    onNews = [];
    for (const call of waiting) call();
  };
  socket.addEventListener("close", ({ code, reason }) => {
    isClosed = true;
    closed.resolve({ code, reason });
    wake();
  });
  socket.addEventListener("message", ({ data }) => {
    frameCount += 1;
    for (const { header, body } of decodeFrame(new Uint8Array(data as ArrayBuffer))) {
      heard.push({ header, text: new TextDecoder().decode(body), frame: frameCount });
    }
    wake();
  });
  const next: ClientWire["next"] = async (op, re) => {
    for (;;) {
      const at = heard.findIndex(
        ({ header }) => header.op === op && (re === undefined || header["re"] === re),
      );
      if (at >= 0) return heard.splice(at, 1)[0]!;
      if (isClosed)
        throw new Error(`Closed before "${op}": ${JSON.stringify(await closed.promise)}`);
      await new Promise<void>((resolve) => void onNews.push(resolve));
    }
  };
  const sayTogether: ClientWire["sayTogether"] = (messages) =>
    socket.send(
      Buffer.concat(
        messages.map(([op, fields, body = ""]) =>
          encodeMessage({ op, ...fields }, new TextEncoder().encode(body)),
        ),
      ),
    );
  const wire: ClientWire = {
    socket,
    say: (op, fields = {}, body = "") =>
      socket.send(
        encodeMessage(
          { op, ...fields },
          typeof body === "string" ? new TextEncoder().encode(body) : body,
        ),
      ),
    sayTogether,
    sendRaw: (data) => socket.send(data),
    next,
    unheard: () => heard,
    closed: () => closed.promise,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed.promise;
    },
  };
  try {
    await next("welcome");
  } catch (error) {
    await wire[Symbol.asyncDispose]();
    throw error;
  }
  return wire;
}

/** The answer of a refused upgrade, asked for in the plain way with the headers of one. */
export function askUpgrade(api: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${api}/client`, {
    headers: {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
}
