// How an attempt ended, as the agent keeps and tells it: what stands in the spool, and the message that says it.

import type { MessageHeader } from "../../protocol/frame.ts";
import type { HeldAttempt } from "../../protocol/worker-messages.ts";
import type { AttemptName } from "../conversation/conversation-words.ts";

export type Failure = {
  /** A sentence for people. */
  readonly info: string;
  /** What the job said last on its standard error. */
  readonly logs: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly retryable: boolean;
};

export type Ended = AttemptName & { readonly token: string } & (
    | {
        readonly kind: "finished";
        readonly sha256: string;
        readonly size: number;
        readonly contentType: string | null;
        /** A small result; null when its bytes are a file of the spool. */
        readonly bytes: Uint8Array | null;
      }
    | ({ readonly kind: "failed" } & Failure)
  );

export type Finished = Extract<Ended, { readonly kind: "finished" }>;

export function toHeldAttempt(ended: Ended): HeldAttempt {
  const { job, attempt, token, kind } = ended;
  const { sha256, size } = kind === "finished" ? ended : { sha256: null, size: null };
  return { job, attempt, token, state: kind, sha256, size };
}

/** The message that tells it; a result's body are its bytes. */
export function toEndMessage(
  ended: Ended,
  id: number,
): { readonly header: MessageHeader; readonly body: Uint8Array } {
  const { job, attempt, token } = ended;
  const about = { id, job, attempt, token };
  if (ended.kind === "finished") {
    const { sha256, size, contentType, bytes } = ended;
    const header = { op: "result", ...about, sha256, size, content_type: contentType };
    return { header, body: bytes ?? noBytes };
  }
  const { info, logs, exitCode, signal, retryable } = ended;
  return {
    header: { op: "fail", ...about, info, exit_code: exitCode, signal, retryable },
    body: new TextEncoder().encode(logs),
  };
}

const noBytes = new Uint8Array(0);
