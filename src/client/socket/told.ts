// What a server told on a connection, in the words of the library: refusals become errors, ends become results.

import { problems, type Json } from "../../domain/errors.ts";
import type { RefusedMessage, SettledMessage } from "../../protocol/client-messages.ts";
import { ClientError, JobFailed, type ClientCode } from "../client-error.ts";

export function toError({ code, detail, info }: RefusedMessage): ClientError {
  const isKnown = Object.hasOwn(problems, code);
  // A server that knows more codes than we do means something that is wrong for good.
  const known = isKnown ? (code as keyof typeof problems) : "malformed";
  const { status } = problems[known];
  const words = detail === "" ? `The server refused it: ${code}.` : detail;
  return new ClientError(known satisfies ClientCode, words, {
    status,
    info: info as { [name: string]: Json }, // It came as JSON.
  });
}

/** Why a job that is settled has no result, or null when it has one. */
export function failureOf({ key, status, reason, info }: SettledMessage): JobFailed | null {
  if (status === "done") return null;
  const words = info === null ? "" : `: ${info}`;
  const sentence =
    status === "failed"
      ? `The job ${key} failed (${reason ?? "error"})${words}`
      : `The job ${key} was cancelled.`;
  const about = { key, status, reason, info };
  return new JobFailed(new ClientError("not-done", sentence, { status: 409, info: about }), status);
}
