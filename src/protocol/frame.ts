// The framing of messages: u32 header length, u32 body length, a JSON header with "op", bytes. Several stand back to
// back. A pure codec for the sockets, whose frames hold whole messages, and for streams, which cut them anywhere.
// Nothing that is too large is ever gathered, and a message that is refused does not spoil those after it.

import { GridError, type Json } from "../domain/errors.ts";
import { frameBytesMax, frameHeaderBytesMax, frameMessageCountMax } from "../domain/limits.ts";

export type MessageHeader = { readonly op: string; readonly [field: string]: Json };

/** `body` may be a view of what was decoded. */
export type Message = { readonly header: MessageHeader; readonly body: Uint8Array };

export type Decoded =
  | ({ readonly kind: "message" } & Message)
  /** Its lengths were right and it is left out; the next one can be read. */
  | { readonly kind: "refused"; readonly error: GridError };

export type MessageDecoder = {
  /** What these bytes complete, one by one. Throws `malformed` where the framing itself is broken: nothing can follow. */
  push(bytes: Uint8Array): Generator<Decoded, void, void>;
  /** True between two messages: a stream that ends elsewhere was cut. */
  isBetween(): boolean;
};

const prefixBytes = 8;
const noBytes = new Uint8Array(0);

export function encodeMessage(header: MessageHeader, body: Uint8Array = noBytes): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(prefixBytes + text.length + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length);
  view.setUint32(4, body.length);
  bytes.set(text, prefixBytes);
  bytes.set(body, prefixBytes + text.length);
  return bytes;
}

/** The messages of one frame of a socket. Throws `malformed` when it is not made of whole, readable ones. */
export function decodeFrame(frame: Uint8Array): readonly Message[] {
  if (frame.length > frameBytesMax) {
    throw malformed(`The frame has ${frame.length} bytes; the most is ${frameBytesMax}.`);
  }
  const decoder = createMessageDecoder({ bodyBytesMax: frameBytesMax });
  const messages: Message[] = [];
  for (const decoded of decoder.push(frame)) {
    if (decoded.kind === "refused") throw decoded.error;
    if (messages.length === frameMessageCountMax) {
      throw malformed(`The frame has more than ${frameMessageCountMax} messages. Send several.`);
    }
    messages.push(decoded);
  }
  if (messages.length > 0 && decoder.isBetween()) return messages;
  throw malformed("The frame does not end where its last message ends.");
}

/** For a stream of messages. Holds at most one of them. */
export function createMessageDecoder({
  bodyBytesMax,
}: {
  readonly bodyBytesMax: number;
}): MessageDecoder {
  // What is not decoded yet is `storage` from `start` to `end`. Room beyond `end` is ours; a chunk that came has
  // none, so that views that were handed out are never written to.
  let storage: Uint8Array = noBytes;
  let start = 0;
  let end = 0;
  let skipBytes = 0;

  const append = (bytes: Uint8Array) => {
    if (start === end) {
      storage = bytes;
      start = 0;
      end = bytes.length;
      return;
    }
    const size = end - start + bytes.length;
    if (end + bytes.length > storage.length) {
      const roomy = new Uint8Array(size * 2);
      roomy.set(storage.subarray(start, end));
      storage = roomy;
      end -= start;
      start = 0;
    }
    storage.set(bytes, end);
    end += bytes.length;
  };
  const take = (count: number): Uint8Array => {
    start += count;
    return storage.subarray(start - count, start);
  };
  const skip = () => {
    const count = Math.min(skipBytes, end - start);
    start += count;
    skipBytes -= count;
  };
  const next = (): Decoded | null => {
    if (end - start < prefixBytes) return null;
    const headerBytes = readUint32(storage, start);
    const bodyBytes = readUint32(storage, start + 4);
    if (headerBytes === 0 || headerBytes > frameHeaderBytesMax) throw badHeaderLength(headerBytes);
    const isTooLarge = bodyBytes > bodyBytesMax;
    const neededBytes = prefixBytes + headerBytes + (isTooLarge ? 0 : bodyBytes);
    if (end - start < neededBytes) return null;
    take(prefixBytes);
    const header = parseHeader(take(headerBytes));
    if (isTooLarge) {
      skipBytes = bodyBytes;
      return { kind: "refused", error: bodyTooLarge(bodyBytes, bodyBytesMax) };
    }
    const body = take(bodyBytes);
    if (header instanceof GridError) return { kind: "refused", error: header };
    return { kind: "message", header, body };
  };

  return {
    *push(bytes) {
      append(bytes);
      for (;;) {
        skip();
        if (skipBytes > 0) return;
        const decoded = next();
        if (decoded === null) return;
        yield decoded;
      }
    },
    isBetween: () => start === end && skipBytes === 0,
  };
}

function readUint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
}

function parseHeader(bytes: Uint8Array): MessageHeader | GridError {
  try {
    const header: unknown = JSON.parse(utf8.decode(bytes));
    if (isHeader(header)) return header;
  } catch {
    // Told below, like a header without "op".
  }
  return malformed('The header of a message is no JSON object in UTF-8 with a text "op".');
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isHeader(value: unknown): value is MessageHeader {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "op" in value && typeof value.op === "string";
}

function badHeaderLength(length: number): GridError {
  return malformed(
    `A message announces a header of ${length} bytes; it has 1 to ${frameHeaderBytesMax}. What follows cannot be read.`,
  );
}

function bodyTooLarge(length: number, bodyBytesMax: number): GridError {
  return new GridError(
    "payload-too-large",
    `A message has a body of ${length} bytes; the most is ${bodyBytesMax}. Send it by a request of its own.`,
  );
}

function malformed(message: string): GridError {
  return new GridError("malformed", message);
}
