// A WebSocket server of a few lines, whose frames are written by the test byte for byte: for fragments and pings that no
// library sends on demand. It takes one connection, and reads masked frames of a client.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createQueue } from "./play-worker.ts";

export type ClientFrame = {
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly data: Buffer;
};

export type RawUpgrade = AsyncDisposable & {
  readonly url: string;
  /** The next frame of the client, as it came. */
  next(): Promise<ClientFrame>;
  write(bytes: Uint8Array): void;
};

export async function openRawUpgrade(protocol: string): Promise<RawUpgrade> {
  const frames = createQueue<ClientFrame>();
  const server = createServer((_, answer) => void answer.writeHead(404).end());
  let socket: Duplex | null = null;
  server.on("upgrade", (request, opened: Duplex) => {
    socket = opened;
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    opened.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    let rest: Buffer = Buffer.alloc(0);
    opened.on("error", () => opened.destroy());
    opened.on("data", (piece: Buffer) => {
      rest = Buffer.concat([rest, piece]);
      for (let read = readFrame(rest); read !== null; read = readFrame(rest)) {
        frames.push(read.frame);
        rest = rest.subarray(read.size);
      }
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/api/worker`,
    next: frames.next,
    write: (bytes) => void socket?.write(bytes),
    async [Symbol.asyncDispose]() {
      socket?.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

/** A frame as a server writes it: not masked. */
export function serverFrame(
  opcode: number,
  data: Uint8Array | string,
  kind: "whole" | "more" = "whole",
): Uint8Array {
  const bytes = Buffer.from(data);
  const first = opcode | (kind === "whole" ? 0x80 : 0);
  if (bytes.length < 126) return Buffer.concat([Buffer.from([first, bytes.length]), bytes]);
  const head = Buffer.from([first, 126, 0, 0]);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

function readFrame(bytes: Buffer): { readonly frame: ClientFrame; readonly size: number } | null {
  if (bytes.length < 2) return null;
  const isMasked = (bytes[1]! & 0x80) !== 0;
  let length = bytes[1]! & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return null;
    length = bytes.readUInt16BE(2);
    at = 4;
  }
  const mask = bytes.subarray(at, at + 4);
  const start = at + (isMasked ? 4 : 0);
  if (bytes.length < start + length) return null;
  const data = Buffer.from(bytes.subarray(start, start + length));
  if (isMasked) for (let i = 0; i < length; i += 1) data[i]! ^= mask[i % 4]!;
  return { frame: { opcode: bytes[0]! & 0x0f, isMasked, data }, size: start + length };
}
