// Turns whatever a route threw into an answer. The caller's mistakes are told in full; our own are logged
// with their stack and answered without a word about the inside.

import { GridError, problems, type ProblemCode } from "../domain/errors.ts";
import type { Log } from "../platform/log.ts";
import { problemMediaType, toProblem } from "../protocol/problem.ts";

/** Seconds after which it is worth asking again, where the error itself does not say. */
const retryAfterS: Partial<Record<ProblemCode, number>> = {
  "rate-limited": 1,
  overloaded: 1,
  quota: 60,
  "shutting-down": 5,
  "disk-low": 30,
};

export type Failure = {
  readonly error: unknown;
  /** Elysia's word for the kind of error. */
  readonly kind: string | number;
  readonly request: Request;
  readonly requestId: string;
};

export function answerFailure(log: Log, { error, kind, request, requestId }: Failure): Response {
  if (error instanceof GridError) return answerProblem(error);
  if (kind === "NOT_FOUND") return answerProblem(noSuchRoute(request));
  if (kind === "PARSE") {
    return answerProblem(
      new GridError("malformed", "The body cannot be read as what it claims to be."),
    );
  }
  if (isAborted(error)) {
    // Nobody is left to read this; what was under way has been taken back already.
    log.info("request.aborted", { request: requestId });
    return answerProblem(new GridError("malformed", "The request was cut off."));
  }
  log.error("request.failed", error, { request: requestId, method: request.method });
  const sentence = `The server failed; its log has the reason under ${requestId}.`;
  return answerProblem(new GridError("internal", sentence, { request: requestId }));
}

function answerProblem(error: GridError): Response {
  const headers = new Headers({ "Content-Type": problemMediaType });
  const wait = error.info.retry_after_s ?? retryAfterS[error.code];
  if (typeof wait === "number") headers.set("Retry-After", String(wait));
  if (error.code === "unauthenticated") headers.set("WWW-Authenticate", 'Bearer realm="gridlike"');
  const size = error.info.size;
  if (error.code === "range-not-satisfiable" && typeof size === "number") {
    headers.set("Content-Range", `bytes */${size}`);
  }
  return new Response(JSON.stringify(toProblem(error)), {
    status: problems[error.code].status,
    headers,
  });
}

function noSuchRoute(request: Request): GridError {
  const path = new URL(request.url).pathname;
  return new GridError(
    "no-such-route",
    `There is no route ${request.method} ${path.slice(0, 256)}.`,
  );
}

function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
