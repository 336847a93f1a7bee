// Bodies on their way in. Reads them with constant memory, cuts off those that are too large or too slow, and
// knows how many are under way, so that a server that stops can let them finish.

import { GridError } from "../domain/errors.ts";
import {
  uploadFloorBytesPerSecond,
  uploadFloorWindowMs,
  wholeBodyBytesMax,
} from "../domain/limits.ts";
import type { Clock, Timer } from "../platform/clock.ts";

/** Bun's server, as far as one request's patience is concerned. */
export type Patience = { timeout(request: Request, seconds: number): void } | null;

export type Uploads = {
  /** The body of a request while `use` reads it. What `use` throws, and what cuts it off, is thrown. */
  receive<T>(
    request: Request,
    server: Patience,
    sizeBytesMax: number,
    use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T>;
  /** Resolves once nothing is under way, at the latest after `ms`; then cuts off what is left. */
  finish(ms: number): Promise<void>;
};

type Upload = { bytesInWindow: number; cutOff: GridError | null; cancel: () => void };

export function createUploads(clock: Clock): Uploads {
  const underWay = new Set<Upload>();
  let watch: Timer | null = null;
  let onIdle = () => {};

  const cut = (upload: Upload, reason: GridError) => {
    upload.cutOff = reason;
    upload.cancel();
  };
  // One timer for all: each upload is judged over one to two windows, none costs a timer of its own.
  const judge = () => {
    for (const upload of underWay) {
      if (upload.bytesInWindow < windowBytesMin) cut(upload, tooSlow());
      upload.bytesInWindow = 0;
    }
    watch = underWay.size > 0 ? clock.after(uploadFloorWindowMs, judge) : null;
  };
  return {
    async receive(request, server, sizeBytesMax, use) {
      const upload: Upload = { bytesInWindow: windowBytesMin, cutOff: null, cancel: () => {} };
      underWay.add(upload);
      watch ??= clock.after(uploadFloorWindowMs, judge);
      try {
        return await use(readBody(request, server, sizeBytesMax, upload));
      } finally {
        underWay.delete(upload);
        upload.cancel();
        if (underWay.size === 0) onIdle();
      }
    },
    async finish(ms) {
      if (underWay.size > 0) {
        const patience = Promise.withResolvers<void>();
        onIdle = patience.resolve;
        const timer = clock.after(ms, patience.resolve);
        await patience.promise;
        timer.cancel();
      }
      for (const upload of underWay) cut(upload, stopped());
      watch?.cancel();
    },
  };
}

/** Small bodies of known size in one piece, all others as they come. */
function readBody(
  request: Request,
  server: Patience,
  sizeBytesMax: number,
  upload: Upload,
): AsyncIterable<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > sizeBytesMax) throw tooLarge(sizeBytesMax);
  // Bodies of a size that is told and small come within the patience that every request has.
  if (declared !== null && Number(declared) <= wholeBodyBytesMax) return readWhole(request, upload);
  if (request.body === null) return none();
  server?.timeout(request, 0); // The floor judges from here on.
  return readPieces(request.body, sizeBytesMax, upload);
}

async function* readPieces(
  body: ReadableStream<Uint8Array>,
  sizeBytesMax: number,
  upload: Upload,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  upload.cancel = () => void reader.cancel().catch(() => {}); // A pending read then ends; below is told why.
  let size = 0;
  try {
    for (;;) {
      const next = await reader.read();
      if (upload.cutOff !== null) throw upload.cutOff;
      if (next.done) return;
      size += next.value.length;
      upload.bytesInWindow += next.value.length;
      if (size > sizeBytesMax) throw tooLarge(sizeBytesMax);
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // It may have failed already: then there is nothing to cancel.
  }
}

async function* readWhole(request: Request, upload: Upload): AsyncGenerator<Uint8Array> {
  const cutOff = Promise.withResolvers<never>();
  upload.cancel = () => {
    if (upload.cutOff !== null) cutOff.reject(upload.cutOff);
  };
  yield new Uint8Array(await Promise.race([request.arrayBuffer(), cutOff.promise]));
  upload.cancel = () => {}; // A late verdict would find nobody who listens.
}

async function* none(): AsyncGenerator<Uint8Array> {
  // A request without a body has no bytes.
}

const windowBytesMin = (uploadFloorBytesPerSecond * uploadFloorWindowMs) / 1000;

function tooLarge(sizeBytesMax: number): GridError {
  return new GridError(
    "payload-too-large",
    `The body has more than the ${sizeBytesMax} bytes allowed. Raise payload_bytes_max or send less.`,
  );
}

function tooSlow(): GridError {
  return new GridError(
    "malformed",
    `The body came slower than ${uploadFloorBytesPerSecond} bytes per second. Nothing was kept; send it again.`,
  );
}

function stopped(): GridError {
  return new GridError("shutting-down", "The server is stopping. Send it again when it is back.");
}
