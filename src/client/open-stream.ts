// An answer as a stream that is never continued where it broke off: backups, archives, logs. Each is of its own
// moment, so whoever asked decides whether a later one will do.

import { ClientError, wordsOf } from "./client-error.ts";
import { clientStallMsMax } from "./limits.ts";
import type { Query } from "./address.ts";
import type { Transport } from "./request.ts";

export type StreamCall = {
  /** For the sentence when it breaks off: `The backup`. */
  readonly what: string;
  readonly path: readonly string[];
  readonly query?: Query;
  /** Longest wait for the first of it; null where the server prepares it first. */
  readonly answerMsMax?: number | null;
  /** Longest silence within it; null where silence means that nothing happened. */
  readonly stallMsMax?: number | null;
  readonly signal: AbortSignal | undefined;
};

/** Its bytes. Read or cancel it. */
export async function openStream(
  transport: Transport,
  given: StreamCall,
): Promise<ReadableStream<Uint8Array>> {
  const { what, path, query = {}, answerMsMax, stallMsMax = clientStallMsMax, signal } = given;
  const { answer, leash } = await transport.open({
    method: "GET",
    path,
    query,
    isRepeatable: false,
    ...(answerMsMax === undefined ? {} : { answerMsMax }),
    signal,
  });
  const reader = answer.body?.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          leash.limit(stallMsMax);
          const next = await reader?.read();
          if (next?.value !== undefined) return controller.enqueue(next.value);
          leash.end();
          controller.close();
        } catch (error) {
          leash.cut();
          if (signal?.aborted === true) throw signal.reason;
          throw new ClientError("unreachable", `${what} broke off: ${wordsOf(error)}.`, {
            cause: error,
          });
        }
      },
      cancel: () => leash.cut(),
    },
    { highWaterMark: 0 },
  );
}
