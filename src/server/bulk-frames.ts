// A bulk submission as framed messages: {"op":"submit","key":…, options} with the payload as the body, as it will
// travel on the client socket.

import { GridError } from "../domain/errors.ts";
import { bulkBodyBytesMax } from "../domain/limits-server.ts";
import { createMessageDecoder, type Decoded } from "../protocol/frame.ts";
import {
  readBulkJob,
  refuse,
  type BulkItem,
  type BulkItems,
  type BulkJobDeps,
} from "./bulk-job.ts";

/** Items by the numbers of their messages. Throws where the framing is broken. */
export async function* readFrames(deps: BulkJobDeps, bytes: AsyncIterable<Uint8Array>): BulkItems {
  const decoder = createMessageDecoder({ bodyBytesMax: bulkBodyBytesMax });
  let line = 0;
  for await (const piece of bytes) {
    const items: BulkItem[] = [];
    let broken: { readonly error: unknown } | null = null;
    try {
      for (const decoded of decoder.push(piece)) {
        line += 1;
        items.push(await readMessage(deps, line, decoded));
      }
    } catch (error) {
      broken = { error };
    }
    if (items.length > 0) yield items; // Also those before the place where the framing breaks.
    if (broken !== null) throw broken.error;
  }
  if (decoder.isBetween()) return;
  throw new GridError("malformed", "The body ended in the middle of a message: it was cut short.");
}

async function readMessage(deps: BulkJobDeps, line: number, decoded: Decoded): Promise<BulkItem> {
  if (decoded.kind === "refused") return refuse(line, decoded.error);
  const { op, id: _, ...options } = decoded.header; // Answers come in order and need no number.
  if (op === "submit") return readBulkJob(deps, line, options, decoded.body);
  const shown = op.slice(0, 64);
  return refuse(
    line,
    new GridError("unknown-op", `There is no message "${shown}" here. Send "submit".`),
  );
}
