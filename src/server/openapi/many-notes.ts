// Notes of the routes of many jobs: listings, batches, actions by a filter, groups.

import * as v from "valibot";
import { actQuery } from "../group-routes.ts";
import { filterEntries } from "../job-filter.ts";
import { listQuery } from "../list-routes.ts";
import { jsonMedia, many, one, type RouteNote } from "./route-note.ts";

const about = { group: "many", who: "api" } as const;

const batch = {
  ...about,
  method: "GET",
  answers: [
    {
      status: 200,
      says: "The jobs of the batch, oldest first.",
      body: many("Job"),
      headers: ["X-Batch-Complete"],
    },
  ],
} as const satisfies Partial<RouteNote>;

const act = {
  ...about,
  method: "POST",
  more: "A request works for a bounded time: while more is true, send it again with the cursor of the answer.",
  answers: [{ status: 200, says: "What was done.", body: one("ManyDone") }],
} as const satisfies Partial<RouteNote>;

const actByFilter = {
  ...act,
  body: {
    isRequired: true,
    says: "Which jobs: a filter, or all:true. force is for delete.",
    kinds: [
      {
        media: jsonMedia,
        shape: {
          is: "object",
          schema: v.object({
            filter: v.optional(v.object(filterEntries)),
            all: v.optional(v.boolean()),
            cursor: v.optional(v.nullable(v.string())),
            force: v.optional(v.boolean()),
          }),
        },
      },
    ],
  },
  problems: [],
} as const satisfies Partial<RouteNote>;

const filtered = `-H 'Content-Type: application/json' -d '{"filter":{"status":"failed"}}' ADDRESS`;

export const manyNotes: readonly RouteNote[] = [
  {
    ...about,
    method: "GET",
    path: "/api/jobs",
    does: "Lists jobs, page by page",
    query: listQuery,
    answers: [
      { status: 200, says: "One page.", body: many("Job"), headers: ["Link", "X-Total-Count"] },
    ],
    problems: [],
    example: "'ADDRESS?status=failed&limit=10'",
  },
  {
    ...batch,
    path: "/api/batches/{batch}",
    does: "Lists a stable page of the jobs, on a server without types",
    problems: [],
  },
  {
    ...batch,
    path: "/api/batches/{type}/{batch}",
    does: "Lists a stable page of the jobs of a type",
    problems: ["no-such-type"],
  },
  {
    ...actByFilter,
    path: "/api/jobs/cancel",
    does: "Cancels all jobs that a filter finds",
    example: filtered.replace("failed", "pending"),
  },
  {
    ...actByFilter,
    path: "/api/jobs/retry",
    does: "Gives all failed and cancelled jobs that a filter finds another life",
    example: filtered,
  },
  {
    ...actByFilter,
    path: "/api/jobs/delete",
    does: "Deletes all settled jobs that a filter finds; with force also the others",
    example: filtered,
  },
  {
    ...about,
    method: "GET",
    path: "/api/groups/{group}",
    does: "Tells how far a group is",
    answers: [{ status: 200, says: "Counts, rate and estimated end.", body: one("Group") }],
    problems: ["no-such-job"],
  },
  {
    ...act,
    path: "/api/groups/{group}/cancel",
    does: "Cancels what is not settled of a group",
    query: actQuery,
    problems: ["no-such-job"],
  },
  {
    ...act,
    path: "/api/groups/{group}/retry-failed",
    does: "Gives the failed jobs of a group another life",
    query: actQuery,
    problems: ["no-such-job"],
  },
  {
    ...about,
    method: "GET",
    path: "/api/groups/{group}/results.tar",
    does: "Sends the results of a group as one tar file",
    more: "It begins with manifest.ndjson, a line for each done job. A broken transfer never leaves a valid end.",
    hasHead: true,
    answers: [
      {
        status: 200,
        says: "The tar file.",
        body: { media: "application/x-tar", shape: { is: "bytes" } },
      },
    ],
    problems: ["no-such-job"],
    example: "-O ADDRESS",
  },
];
