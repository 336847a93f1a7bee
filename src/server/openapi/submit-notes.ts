// Notes of the routes that take jobs in.

import { submitOptions } from "../submit-options.ts";
import { one, type AnswerNote, type RouteNote } from "./route-note.ts";

const submitAnswers: readonly AnswerNote[] = [
  {
    status: 202,
    says: "The job stands, durably.",
    body: one("Created"),
    headers: ["Location"],
  },
  {
    status: 200,
    says: "The same submission stood already: same key, type, bytes and options. Nothing was added.",
    body: one("Created"),
    headers: ["Location", "Idempotent-Replay"],
  },
];

const submit = {
  method: "POST",
  group: "submit",
  who: "api",
  query: submitOptions,
  headers: ["Content-Digest"],
  body: {
    isRequired: true,
    says: "Any body is the payload, byte for byte. A form has the payload as a file; its fields are the options.",
    kinds: [
      { media: "application/octet-stream", shape: { is: "bytes" } },
      {
        media: "multipart/form-data",
        shape: { is: "form", schema: submitOptions, file: "payload" },
      },
    ],
  },
  answers: submitAnswers,
  problems: [
    "key-taken",
    "unsupported-option",
    "digest-mismatch",
    "payload-too-large",
    "shutting-down",
    "disk-low",
  ],
} as const satisfies Partial<RouteNote>;

const submitMany = {
  method: "POST",
  group: "submit",
  who: "api",
  query: submitOptions,
  body: {
    isRequired: true,
    says: 'Lines like {"key":…,"payload":TEXT} or {"key":…,"payload_base64":…} with options; a form with a file for each job, whose name is its key; or frames. Query parameters stand for all jobs.',
    kinds: [
      { media: "application/x-ndjson", shape: { is: "text" } },
      { media: "multipart/form-data", shape: { is: "bytes" } },
      { media: "application/vnd.gridlike.frames", shape: { is: "bytes" } },
    ],
  },
  answers: [
    {
      status: 202,
      says: 'A line for each job in its order, then {"end":true,"accepted":N,"refused":N}. Without that line the rest is unknown: send it again with the same keys.',
      body: { media: "application/x-ndjson", shape: { is: "text" } },
    },
  ],
  problems: ["unsupported-option", "shutting-down", "disk-low"],
} as const satisfies Partial<RouteNote>;

export const submitNotes: readonly RouteNote[] = [
  {
    ...submit,
    path: "/api/jobs/submit",
    does: "Adds a job, on a server without types",
    example: "--data-binary 'hello grid' 'ADDRESS?key=first'",
  },
  {
    ...submit,
    path: "/api/jobs/submit/{type}",
    does: "Adds a job of a type",
    problems: [...submit.problems, "no-such-type"],
    example: "-F payload=@input.bin -F key=first ADDRESS",
  },
  {
    ...submitMany,
    path: "/api/jobs/submit-many",
    does: "Adds many jobs with one request, on a server without types",
    example: "-H 'Content-Type: application/x-ndjson' --data-binary @jobs.ndjson ADDRESS",
  },
  {
    ...submitMany,
    path: "/api/jobs/submit-many/{type}",
    does: "Adds many jobs of a type with one request",
    problems: [...submitMany.problems, "no-such-type"],
    example: "-F 'a=@a.bin' -F 'b=@b.bin' ADDRESS",
  },
];
