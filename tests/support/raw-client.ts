// A client of the client socket on bare TCP, which may stop reading: no WebSocket library does that on demand.

import { connect } from "node:net";
import { decodeFrame, encodeMessage, type MessageHeader } from "../../src/protocol/frame.ts";
import { apiKey } from "./http-door.ts";

export type RawClient = {
  /** Messages in one frame. */
  say(messages: readonly Record<string, unknown>[]): void;
  /** Reads nothing from now on; what comes fills the buffers of the network, then those of the server. */
  stopReading(): void;
  /** Reads on to the end, and answers with the close code, or null when there was none. */
  readToEnd(): Promise<number | null>;
  /** Reads on until so many messages have come in all. */
  readUntil(count: number): Promise<void>;
  end(): void;
};

/** Resolves when the upgrade was answered. */
export async function openRawClient(port: number): Promise<RawClient> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy()); // The server tears it down.
  const upgraded = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let rest: Buffer = Buffer.alloc(0);
  let isUpgraded = false;
  let closeCode: number | null = null;
  let messageCount = 0;
  let onMessages = () => {};
  socket.on("close", () => ended.resolve());
  socket.on("end", () => socket.end());
  socket.on("data", (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    if (!isUpgraded) {
      const head = rest.indexOf("\r\n\r\n");
      if (head < 0) return;
      isUpgraded = true;
      rest = rest.subarray(head + 4);
      upgraded.resolve();
    }
    for (let frame = readFrame(rest); frame !== null; frame = readFrame(rest)) {
      if (frame.opcode === 8) closeCode = frame.data.readUInt16BE(0);
      if (frame.opcode === 2) messageCount += decodeFrame(frame.data).length;
      rest = rest.subarray(frame.size);
    }
    onMessages();
  });
  socket.write(
    [
      "GET /api/client HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: gridlike.v2",
      `X-API-KEY: ${apiKey}`,
      "\r\n",
    ].join("\r\n"),
  );
  await upgraded.promise;
  return {
    say(messages) {
      const data = Buffer.concat(messages.map((one) => encodeMessage(one as MessageHeader)));
      const head = Buffer.from([0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(data.length, 6); // The mask after it is zeros, which changes nothing.
      socket.write(Buffer.concat([head, data]));
    },
    stopReading: () => socket.pause(),
    async readToEnd() {
      socket.resume();
      await ended.promise;
      return closeCode;
    },
    async readUntil(count) {
      socket.resume();
      await new Promise<void>((resolve, reject) => {
        onMessages = () => {
          if (closeCode !== null) reject(new Error(`closed with ${closeCode}`));
          else if (messageCount >= count) resolve();
        };
        onMessages();
        void ended.promise.then(() => reject(new Error(`ended after ${messageCount} messages`)));
      });
    },
    end: () => socket.destroy(),
  };
}

function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return null;
  const opcode = bytes[0]! & 0x0f;
  let [size, at] = [bytes[1]! & 0x7f, 2];
  if (size === 126) {
    if (bytes.length < 4) return null;
    [size, at] = [bytes.readUInt16BE(2), 4];
  } else if (size === 127) {
    if (bytes.length < 10) return null;
    [size, at] = [bytes.readUInt32BE(6), 10];
  }
  if (bytes.length < at + size) return null;
  return { opcode, data: bytes.subarray(at, at + size), size: at + size };
}
