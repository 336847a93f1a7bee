// Answers that are written line by line while the body of their request still comes. What its reader has not taken
// yet is kept up to a bound; then whoever writes waits, and with it the body. So clients that send everything before
// they read are served up to that bound, and those that never read are cut off as too slow.

import {
  bulkAnswerBytesMax,
  bulkAnswerBytesMin,
  bulkAnswersBytesMax,
} from "../domain/limits-server.ts";
import { joinBytes } from "../domain/join-bytes.ts";
import type { Floor, Transfer } from "./floor.ts";
import type { Patience, Timers } from "./patience.ts";

export type AnswerLines = {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when there is room for more, or when the reader has gone. One at a time. */
  write(text: string): Promise<void>;
  /** What was written still goes out, as fast as the reader takes it, but not as slowly as it likes. */
  end(): void;
};

export type Answers = { open(request: Request, server: Timers): AnswerLines };

export type AnswersDeps = { readonly floor: Floor; readonly patience: Patience };

export function createAnswers(deps: AnswersDeps): Answers {
  const all: Kept = { bytes: 0 };
  return { open: (request, server) => openLines(deps, createPieces(all), request, server) };
}

function openLines(
  { floor, patience }: AnswersDeps,
  pieces: Pieces,
  request: Request,
  server: Timers,
): AnswerLines {
  let state: "open" | "ended" | "gone" = "open";
  let onWritten = () => {};
  let onTaken = () => {};
  let watched: Transfer | null = null;
  let controller: Taker | null = null;

  const watch = () => {
    watched = floor.watch(() => {
      leave();
      controller?.error(new Error("The reader hardly moves.")); // Bun then resets the connection.
    });
  };
  const unwatch = () => {
    watched?.end();
    watched = null;
  };
  const leave = () => {
    state = "gone";
    pieces.clear();
    unwatch();
    onWritten();
    onTaken();
  };
  const pull = async (taker: Taker) => {
    while (pieces.isEmpty() && state === "open") {
      await new Promise<void>((resolve) => void (onWritten = resolve));
    }
    const piece = pieces.take();
    if (piece !== null) {
      watched?.moved(piece.length);
      taker.enqueue(piece);
      onTaken();
    } else if (state === "ended") {
      if (watched !== null) patience.extend(request, server); // For what is still on its way.
      leave();
      taker.close();
    }
  };
  const start = (taker: Taker) => void (controller = taker);
  const body = new ReadableStream({ start, pull, cancel: leave }, { highWaterMark: 0 });
  return {
    body,
    async write(text) {
      if (state !== "open") return;
      pieces.put(new TextEncoder().encode(text));
      onWritten();
      if (!pieces.isFull()) return;
      watch(); // Meanwhile nobody reads the body, so that its own watch cannot end it.
      while (state === "open" && pieces.isFull()) {
        await new Promise<void>((resolve) => void (onTaken = resolve));
      }
      unwatch();
    },
    end() {
      if (state !== "open") return;
      state = "ended";
      if (!pieces.isEmpty()) {
        patience.lift(request, server);
        watch();
      }
      onWritten();
    },
  };
}

type Taker = ReadableStreamDefaultController<Uint8Array>;

/** What all answers together keep. */
type Kept = { bytes: number };

type Pieces = ReturnType<typeof createPieces>;

const pieceBytesMax = 64 * 1024;

/** Lines that are written and not taken yet. */
function createPieces(all: Kept) {
  let pieces: Uint8Array[] = [];
  let own = 0;
  const count = (by: number) => {
    own += by;
    all.bytes += by;
  };
  return {
    isEmpty: () => pieces.length === 0,
    isFull: () =>
      own > bulkAnswerBytesMax || (own > bulkAnswerBytesMin && all.bytes > bulkAnswersBytesMax),
    put(piece: Uint8Array): void {
      pieces.push(piece);
      count(piece.length);
    },
    /** The next ones as one, so that a thousand short lines are not a thousand writes; null when there is none. */
    take(): Uint8Array<ArrayBuffer> | null {
      let size = 0;
      const next = pieces.findIndex((piece, index) => {
        size += piece.length;
        return index > 0 && size > pieceBytesMax;
      });
      const taken = pieces.splice(0, next < 0 ? pieces.length : next);
      if (taken.length === 0) return null;
      const whole = joinBytes(taken);
      count(-whole.length);
      return whole;
    },
    clear(): void {
      pieces = [];
      count(-own);
    },
  };
}
