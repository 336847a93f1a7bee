// Answers that are written line by line while the body of their request still comes. What its reader has not taken
// yet is kept up to a bound; then whoever writes waits, and with it the body. So clients that send everything before
// they read are served up to that bound, and those that never read are cut off as too slow.

import { bulkAnswerBytesMax, bulkAnswerBytesMin, bulkAnswersBytesMax } from "../domain/limits.ts";
import type { Floor, Transfer } from "./floor.ts";
import type { Patience, Timers } from "./patience.ts";

export type AnswerLines = {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when there is room for more, or when the reader has gone. */
  write(text: string): Promise<void>;
  /** What was written still goes out, as fast as the reader takes it, but not as slowly as it likes. */
  end(): void;
};

export type Answers = { open(request: Request, server: Timers): AnswerLines };

export type AnswersDeps = { readonly floor: Floor; readonly patience: Patience };

export function createAnswers({ floor, patience }: AnswersDeps): Answers {
  let keptBytes = 0; // by all of them

  const open = (request: Request, server: Timers): AnswerLines => {
    const pieces: Uint8Array[] = [];
    let ownBytes = 0;
    let state: "open" | "ended" | "gone" = "open";
    let onWritten = () => {};
    let onTaken = () => {};
    let watched: Transfer | null = null;

    const isFull = () =>
      ownBytes > bulkAnswerBytesMax ||
      (ownBytes > bulkAnswerBytesMin && keptBytes > bulkAnswersBytesMax);
    const count = (by: number) => {
      ownBytes += by;
      keptBytes += by;
    };
    const leave = () => {
      state = "gone";
      pieces.length = 0;
      count(-ownBytes);
      watched?.end();
      onWritten();
      onTaken();
    };
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      while (pieces.length === 0 && state === "open") {
        await new Promise<void>((resolve) => void (onWritten = resolve));
      }
      const piece = pieces.shift();
      if (piece !== undefined) {
        count(-piece.length);
        watched?.moved(piece.length);
        controller.enqueue(piece);
        onTaken();
      } else if (state === "ended") {
        leave();
        if (watched !== null) patience.extend(request, server); // For what is still on its way.
        controller.close();
      }
    };
    let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
    const body = new ReadableStream<Uint8Array>(
      { start: (given) => void (controller = given), pull, cancel: leave },
      { highWaterMark: 0 },
    );
    return {
      body,
      async write(text) {
        if (state !== "open") return;
        const piece = new TextEncoder().encode(text);
        pieces.push(piece);
        count(piece.length);
        onWritten();
        while (state === "open" && isFull()) {
          await new Promise<void>((resolve) => void (onTaken = resolve));
        }
      },
      end() {
        if (state !== "open") return;
        state = "ended";
        if (pieces.length > 0) {
          patience.lift(request, server);
          watched = floor.watch(() => {
            leave();
            controller?.error(new Error("The reader hardly moves.")); // Bun then resets the connection.
          });
        }
        onWritten();
      },
    };
  };
  return { open };
}
