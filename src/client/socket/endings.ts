// How jobs end, for those who wait: bytes that came along are checked as any download is, others are fetched by
// requests of their own, a few at a time.

import type { SettledMessage } from "../../protocol/client-messages.ts";
import { ClientError } from "../client-error.ts";
import { readAll } from "../download.ts";
import { toHex } from "../encoding.ts";
import { clientFetchCountMax } from "../limits.ts";
import type { Transport } from "../request.ts";
import { openResult } from "../results.ts";
import { createTurnstile } from "./pending.ts";
import { failureOf } from "./told.ts";

export type Ended = {
  readonly said: SettledMessage;
  /** Null when the result did not come along. */
  readonly body: Uint8Array | null;
};

export type Endings = {
  /** The result. Throws `JobFailed` when there is none. */
  bytesOf(ended: Ended, signal: AbortSignal | undefined): Promise<Uint8Array>;
};

export function createEndings(transport: Transport): Endings {
  const inTurn = createTurnstile(clientFetchCountMax);
  return {
    async bytesOf({ said, body }, signal) {
      const failure = failureOf(said);
      if (failure !== null) throw failure;
      if (body === null || said.url !== undefined) {
        return inTurn(async () =>
          readAll(
            await openResult(transport, said.job, { wait: false, ...(signal && { signal }) }),
          ),
        );
      }
      const sha256 = toHex(await transport.runtime.sha256(body));
      if (sha256 === said.sha256) return body;
      throw new ClientError(
        "digest-mismatch",
        `The result of the job ${said.key} has the digest ${sha256} instead of ${said.sha256}. Fetch it again.`,
      );
    },
  };
}
