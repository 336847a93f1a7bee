// A backup of the whole server as a stream. It is never continued where it broke off: each one is of its own moment.

import { ClientError, wordsOf } from "./client-error.ts";
import type { CallOptions } from "./jobs.ts";
import { clientStallMsMax } from "./limits.ts";
import type { Transport } from "./request.ts";

/** Its bytes; whether they are whole says only their own closing record. Read or cancel it. */
export async function openBackup(
  transport: Transport,
  { signal }: CallOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { answer, leash } = await transport.open({
    method: "GET",
    path: ["backup"],
    isRepeatable: false, // Whoever asked decides whether a later moment will do.
    answerMsMax: null, // The server copies its database first.
    signal,
  });
  const reader = answer.body?.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          leash.limit(clientStallMsMax);
          const next = await reader?.read();
          if (next?.value !== undefined) return controller.enqueue(next.value);
          leash.end();
          controller.close();
        } catch (error) {
          leash.cut();
          if (signal?.aborted === true) throw signal.reason;
          throw new ClientError("unreachable", `The backup broke off: ${wordsOf(error)}.`, {
            cause: error,
          });
        }
      },
      cancel: () => leash.cut(),
    },
    { highWaterMark: 0 },
  );
}
