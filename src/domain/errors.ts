// The one closed list of problem codes, for HTTP, sockets, clients and the command line alike.
// A code fixes the HTTP status and the title; the sentence says the thing, the value and the remedy.

export const problems = {
  malformed: { status: 400, title: "The request is malformed" },
  "unknown-option": { status: 400, title: "Unknown option" },
  "unsupported-option": { status: 400, title: "Option not supported by this server" },
  "digest-mismatch": { status: 400, title: "The bytes do not fit their digest" },
  "protocol-version": { status: 400, title: "Protocol version not spoken here" },
  "unknown-op": { status: 400, title: "Unknown message" },
  unauthenticated: { status: 401, title: "Credentials are missing or wrong" },
  forbidden: { status: 403, title: "Not allowed" },
  "no-such-route": { status: 404, title: "No such route" },
  "no-such-job": { status: 404, title: "No such job" },
  "no-such-type": { status: 404, title: "No such job type" },
  "no-such-worker": { status: 404, title: "No such worker" },
  "key-taken": { status: 409, title: "The key is taken" },
  "not-done": { status: 409, title: "The job has no result" },
  "already-done": { status: 409, title: "The job is already done" },
  "still-active": { status: 409, title: "The job is still active" },
  "bytes-forgotten": { status: 410, title: "The bytes are no longer kept" },
  "payload-too-large": { status: 413, title: "The payload is too large" },
  "range-not-satisfiable": { status: 416, title: "The range lies outside the bytes" },
  "host-not-served": { status: 421, title: "This host name is not served here" },
  quota: { status: 429, title: "Quota used up" },
  "rate-limited": { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Internal error" },
  "shutting-down": { status: 503, title: "The server is shutting down" },
  overloaded: { status: 503, title: "The server is overloaded" },
  "disk-low": { status: 507, title: "The disk is full" },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof problems;

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The caller's mistake, or a state the caller must know of: never a bug of ours. */
export class GridError extends Error {
  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly info: { readonly [key: string]: Json } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "GridError";
  }
}
