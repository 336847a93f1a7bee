// Notes of the routes of workers: those that pull, and the socket of the original protocol.

import { claimQuery } from "../claim-routes.ts";
import { failSchema, progressSchema, releaseSchema } from "../work-routes.ts";
import { jsonMedia, one, type AnyObject, type RouteNote } from "./route-note.ts";

const claim = {
  method: "POST",
  group: "work",
  who: "worker",
  more: "The answer is the payload; what to do with it stands in its headers. A claim whose answer was lost is sent again with the same Gridlike-Claim.",
  query: claimQuery,
  headers: ["Gridlike-Worker", "Gridlike-Worker-Name", "Gridlike-Claim"],
  answers: [
    {
      status: 200,
      says: "A job, and the token of this attempt.",
      body: { media: "application/octet-stream", shape: { is: "bytes" } },
      headers: [
        "Gridlike-Job",
        "Gridlike-Attempt",
        "Gridlike-Attempt-Token",
        "Gridlike-Key",
        "Gridlike-Type",
        "Gridlike-Lease-Seconds",
        "Repr-Digest",
      ],
    },
    { status: 204, says: "No job came in time." },
  ],
} as const satisfies Partial<RouteNote>;

const attempt = { group: "work", who: "attempt" } as const;

const verdict = {
  status: 200,
  says: "What became of it; the worker may forget its copy unless it says continue.",
  body: one("Verdict"),
} as const;

const report = (schema: AnyObject, says: string) => ({
  body: {
    isRequired: false,
    says,
    kinds: [{ media: jsonMedia, shape: { is: "object", schema } as const }],
  },
  answers: [verdict],
  problems: ["no-such-job", "payload-too-large"] as const,
});

const socket = {
  method: "GET",
  group: "work",
  who: "anyone",
  more: "docs/protocol.md has the messages. Its first one brings the token.",
  answers: [{ status: 101, says: "The connection speaks WebSocket from here on." }],
} as const satisfies Partial<RouteNote>;

export const workNotes: readonly RouteNote[] = [
  {
    ...claim,
    path: "/api/work/claim",
    does: "Waits for a job and claims it, on a server without types",
    problems: ["shutting-down", "overloaded"],
    example: "-i -X POST -H 'Gridlike-Worker: closet' 'ADDRESS?wait_s=30'",
  },
  {
    ...claim,
    path: "/api/work/{type}/claim",
    does: "Waits for a job of a type and claims it",
    problems: ["no-such-type", "shutting-down", "overloaded"],
    example: "-i -X POST -H 'Gridlike-Worker: closet' 'ADDRESS?wait_s=30'",
  },
  {
    ...attempt,
    method: "GET",
    path: "/api/work/{job}/{attempt}/payload",
    does: "Sends the payload again",
    hasHead: true,
    headers: ["Range", "If-Range", "If-None-Match"],
    answers: [
      {
        status: 200,
        says: "The bytes.",
        body: { media: "application/octet-stream", shape: { is: "bytes" } },
        headers: ["ETag", "Repr-Digest"],
      },
      { status: 206, says: "The part that was asked for.", headers: ["Content-Range"] },
    ],
    problems: ["no-such-job", "bytes-forgotten", "range-not-satisfiable"],
  },
  {
    ...attempt,
    method: "HEAD",
    path: "/api/work/{job}/{attempt}/result",
    does: "Tells how much of a result sent in parts is kept",
    answers: [
      {
        status: 200,
        says: "In the headers.",
        headers: ["Upload-Offset", "Upload-Complete", "Upload-Length"],
      },
    ],
    problems: ["no-such-job"],
    example: "-I ADDRESS",
  },
  {
    ...attempt,
    method: "PUT",
    path: "/api/work/{job}/{attempt}/result",
    does: "Brings the result, whole or in parts",
    headers: ["Content-Digest", "Content-Range"],
    body: {
      isRequired: true,
      says: "The bytes of the result, or of the part that Content-Range names.",
      kinds: [{ media: "application/octet-stream", shape: { is: "bytes" } }],
    },
    answers: [
      verdict,
      { status: 202, says: "The part is kept; more is wanted.", headers: ["Upload-Offset"] },
    ],
    problems: ["no-such-job", "payload-too-large", "digest-mismatch", "disk-low"],
    example: "-T result.bin ADDRESS",
  },
  {
    ...attempt,
    ...report(failSchema, "What went wrong. retryable:false ends the job."),
    method: "POST",
    path: "/api/work/{job}/{attempt}/fail",
    does: "Reports that the attempt failed",
    example: `-d '{"info":"no such file","logs":"…"}' ADDRESS`,
  },
  {
    ...attempt,
    ...report(progressSchema, "How far it is."),
    method: "POST",
    path: "/api/work/{job}/{attempt}/progress",
    does: "Renews the lease, and tells how far the work is",
    example: `-d '{"percent":40}' ADDRESS`,
  },
  {
    ...attempt,
    ...report(releaseSchema, "Why."),
    method: "POST",
    path: "/api/work/{job}/{attempt}/release",
    does: "Gives the job back unharmed; nobody is charged",
  },
  {
    ...socket,
    path: "/api/worker",
    does: "The socket of workers: gridlike.v2, or the original protocol on a server without types",
    more: "docs/protocol.md has the messages. With the subprotocol gridlike.v2 the upgrade brings the worker token; without one the first message does.",
    problems: ["unauthenticated", "protocol-version", "overloaded"],
  },
  {
    ...socket,
    path: "/api/worker/{type}",
    does: "The socket of the original worker protocol, for a type",
    problems: ["protocol-version", "no-such-type", "overloaded"],
  },
];
