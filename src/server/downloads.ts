// Bytes on their way out. A stream is read only as fast as its reader takes it, and is freed when the reader
// has gone or hardly moves.

import type { Log } from "../platform/log.ts";
import type { Floor } from "./floor.ts";
import type { Patience, Timers } from "./patience.ts";

export type Downloads = {
  /** The body of an answer: the same bytes, watched. */
  send(
    request: Request,
    server: Timers,
    bytes: ReadableStream<Uint8Array>,
  ): ReadableStream<Uint8Array>;
};

export type DownloadDeps = {
  readonly floor: Floor;
  readonly patience: Patience;
  readonly log: Log;
};

export function createDownloads({ floor, patience, log }: DownloadDeps): Downloads {
  return {
    send(request, server, bytes) {
      patience.lift(request, server);
      const reader = bytes.getReader();
      let cutOff = () => {};
      let isGone = false;
      const transfer = floor.watch(() => cutOff());
      const end = () => {
        transfer.end();
        patience.extend(request, server); // For what is still on its way to the reader.
      };
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            cutOff = () => {
              controller.error(new Error("The reader hardly moves.")); // Bun then resets the connection.
              reader.cancel().catch((error: unknown) => log.error("download.failed", error));
            };
          },
          async pull(controller) {
            try {
              const next = await reader.read();
              if (isGone) return; // Meanwhile; its stream is closed already.
              if (next.done) {
                end();
                controller.close();
                return;
              }
              transfer.moved(next.value.length);
              controller.enqueue(next.value);
            } catch (error) {
              end();
              if (isGone) return;
              log.error("download.failed", error);
              throw error;
            }
          },
          async cancel(reason) {
            isGone = true;
            end();
            await reader.cancel(reason);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}
