// Bodies on their way in. Reads them with constant memory, cuts off those that are too large or too slow, and
// knows how many are under way, so that a server that stops can let them finish.

import { GridError } from "../domain/errors.ts";
import { promptBodyBytesMax } from "../domain/limits.ts";
import {
  transferFloorBytesPerSecond,
  uploadMsMax,
  wholeBodyBytesMax,
} from "../domain/limits-server.ts";
import type { Clock } from "../platform/clock.ts";
import type { Floor } from "./floor.ts";
import type { Patience, Timers } from "./patience.ts";

export type Uploads = {
  /** The body of a request while `use` reads it. What `use` throws, and what cuts it off, is thrown. */
  receive<T>(
    request: Request,
    server: Timers,
    sizeBytesMax: number,
    use: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T>;
  /** Resolves once nothing is under way, at the latest after `ms`; then cuts off what is left. */
  finish(ms: number): Promise<void>;
};

export type UploadDeps = {
  readonly clock: Clock;
  readonly floor: Floor;
  readonly patience: Patience;
};

/** `cancel` ends a pending read; whoever reads then finds why in `cutOff`. */
type Upload = { cutOff: GridError | null; cancel: () => void };

export function createUploads({ clock, floor, patience }: UploadDeps): Uploads {
  const underWay = new Set<Upload>();
  let onIdle = () => {};

  const cut = (upload: Upload, reason: GridError) => {
    upload.cutOff = reason;
    upload.cancel();
  };
  async function* readPieces(
    body: ReadableStream<Uint8Array>,
    sizeBytesMax: number,
    upload: Upload,
  ): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    upload.cancel = () => void reader.cancel().catch(() => {}); // It failed already: that is told by read().
    const endsAt = clock.monotonicMs() + uploadMsMax;
    const transfer = floor.watch(() => cut(upload, tooSlow()));
    let size = 0;
    try {
      for (;;) {
        const next = await reader.read();
        if (upload.cutOff !== null) throw upload.cutOff;
        if (next.done) return;
        size += next.value.length;
        transfer.moved(next.value.length);
        if (size > sizeBytesMax) throw tooLarge(sizeBytesMax);
        if (clock.monotonicMs() > endsAt) throw tooLong();
        yield next.value;
      }
    } finally {
      transfer.end();
      upload.cancel();
    }
  }
  return {
    async receive(request, server, sizeBytesMax, use) {
      const declared = declaredSize(request);
      if (declared !== null && declared > sizeBytesMax) throw tooLarge(sizeBytesMax);
      const upload: Upload = { cutOff: null, cancel: () => {} };
      const isWhole = declared !== null && declared <= wholeBodyBytesMax;
      const isPrompt = declared !== null && declared <= promptBodyBytesMax;
      underWay.add(upload);
      try {
        if (isPrompt) return await use(readWhole(request));
        if (isWhole) patience.extend(request, server);
        else patience.lift(request, server);
        return await use(
          isWhole || request.body === null
            ? readWhole(request)
            : readPieces(request.body, sizeBytesMax, upload),
        );
      } finally {
        if (!isPrompt) patience.restore(request, server);
        underWay.delete(upload);
        if (underWay.size === 0) onIdle();
      }
    },
    async finish(ms) {
      if (underWay.size > 0) {
        const ended = Promise.withResolvers<void>();
        onIdle = ended.resolve;
        const timer = clock.after(ms, ended.resolve);
        await ended.promise;
        timer.cancel();
      }
      for (const upload of underWay) cut(upload, stopped());
    },
  };
}

/** Small bodies in one piece, which is cheaper. Bun's deadline ends those that do not arrive. */
async function* readWhole(request: Request): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(await request.arrayBuffer());
}

/** Null for a body that comes in chunks of unknown number; 0 without a body. */
function declaredSize(request: Request): number | null {
  const declared = request.headers.get("content-length");
  if (declared !== null) return Number(declared);
  // Looked at last: to touch the body makes a stream of it, which small bodies are not read through.
  return request.body === null ? 0 : null;
}

function tooLarge(sizeBytesMax: number): GridError {
  return new GridError(
    "payload-too-large",
    `The body has more than the ${sizeBytesMax} bytes allowed. Raise payload_bytes_max or send less.`,
  );
}

function tooSlow(): GridError {
  return new GridError(
    "malformed",
    `The body came slower than ${transferFloorBytesPerSecond} bytes per second. Nothing was kept; send it again.`,
  );
}

function tooLong(): GridError {
  const sentence = `The body took more than ${uploadMsMax / 3_600_000} hours. Send it in smaller jobs.`;
  return new GridError("malformed", sentence);
}

function stopped(): GridError {
  return new GridError("shutting-down", "The server is stopping. Send it again when it is back.");
}
