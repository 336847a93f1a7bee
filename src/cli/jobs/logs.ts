// What workers said of failures. It is made fit for a terminal unless it is asked for as it is.

import type { ServerFlags } from "../connect.ts";
import { writeOut } from "../../platform/terminal.ts";
import { toSafeText } from "../safe-text.ts";
import { forEachJob } from "./each-job.ts";

export type LogsOptions = {
  readonly selectors: readonly string[];
  readonly isFollowing: boolean;
  readonly isRaw: boolean;
};

export async function logs(flags: ServerFlags, options: LogsOptions): Promise<void> {
  const interruptedNotice = () => "Interrupted. The jobs go on.";
  await forEachJob(
    flags,
    options.selectors,
    async (job, { client, signal }, trouble) => {
      try {
        const stream = await client.logs(job.id, { follow: options.isFollowing, signal });
        await writeStream(stream, options.isRaw);
      } catch (error) {
        trouble.addRefusal(error, "");
      }
    },
    options.isFollowing ? { interruptedNotice } : {},
  );
}

/** Passes bytes on at the pace of their reader; made safe unless `isRaw`. */
export async function writeStream(
  stream: ReadableStream<Uint8Array>,
  isRaw: boolean,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>) {
    await writeOut(isRaw ? bytes : toSafeText(decoder.decode(bytes, { stream: true })));
  }
  if (!isRaw) await writeOut(toSafeText(decoder.decode()));
}
