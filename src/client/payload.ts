// What can be submitted, and how each kind is sent. Bytes at hand travel with their digest; streams are read only
// as fast as the network takes them, and are sent again only when a function can open them anew.

import { toBase64 } from "./encoding.ts";
import type { Body } from "./request.ts";
import type { Runtime } from "./runtime.ts";

export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A function opens its source for each try; a bare source can be sent once. */
export type Payload = Uint8Array | string | Blob | ByteSource | (() => ByteSource);

export type Upload = {
  readonly isRepeatable: boolean;
  /** The size, or null for a stream. */
  readonly size: number | null;
  readonly contentType: string | null;
  readonly open: () => Body;
  /** The value of Content-Digest, or null where the bytes would have to be read for it. */
  digest(): Promise<string | null>;
};

export function toUpload(payload: Payload, runtime: Runtime): Upload {
  const bytes = bytesOf(payload);
  if (bytes !== null) {
    return {
      isRepeatable: true,
      size: bytes.length,
      contentType: null,
      open: () => atHand(bytes as Uint8Array<ArrayBuffer>), // What fetch takes, whatever buffer it has.
      digest: async () => `sha-256=:${toBase64(await runtime.sha256(bytes))}:`,
    };
  }
  if (payload instanceof Blob) {
    return {
      isRepeatable: true,
      size: payload.size,
      contentType: payload.type === "" ? null : payload.type,
      open: () => atHand(payload),
      digest: () => Promise.resolve(null),
    };
  }
  const isFunction = typeof payload === "function";
  return {
    isRepeatable: isFunction,
    size: null,
    contentType: null,
    open: () => flowing(isFunction ? payload() : (payload as ByteSource)), // The other kinds are gone.
    digest: () => Promise.resolve(null),
  };
}

/** The bytes of a payload that is in memory, else null. */
export function bytesOf(payload: Payload): Uint8Array | null {
  if (typeof payload === "string") return new TextEncoder().encode(payload);
  return payload instanceof Uint8Array ? payload : null;
}

function atHand(init: Body["init"]): Body {
  return { init, failure: () => undefined, close: () => Promise.resolve() };
}

function flowing(source: ByteSource): Body {
  const chunks = chunksOf(source);
  let failure: { readonly error: unknown } | undefined;
  let isEnded = false;
  const close = async () => {
    if (isEnded) return;
    isEnded = true;
    await chunks.close();
  };
  const init = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (isEnded) return;
          if (next === null) {
            isEnded = true;
            controller.close();
          } else controller.enqueue(next);
        } catch (error) {
          failure = { error };
          isEnded = true;
          throw error;
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
  return { init: init as Body["init"], failure: () => failure, close };
}

type Chunks = { next(): Promise<Uint8Array | null>; close(): Promise<void> };

/** Browsers' streams cannot all be iterated, so streams are read by their readers. */
function chunksOf(source: ByteSource): Chunks {
  if ("getReader" in source) {
    const reader = source.getReader();
    return {
      next: async () => (await reader.read()).value ?? null,
      close: () => reader.cancel(),
    };
  }
  const iterator = source[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done === true ? null : value;
    },
    close: async () => void (await iterator.return?.()),
  };
}
