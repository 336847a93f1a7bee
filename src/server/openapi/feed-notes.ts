// Notes of the routes that tell what happens while it happens.

import { eventQuery } from "../event-routes.ts";
import { logQuery } from "../insight-routes.ts";
import { text, type RouteNote } from "./route-note.ts";

export const feedNotes: readonly RouteNote[] = [
  {
    method: "GET",
    path: "/api/events",
    group: "feed",
    who: "api",
    does: "Tells every event as it is stored, as server-sent events",
    more: "Each data line is an Event; its id is where to go on. An event named reset says that events were missed: look at the jobs anew. In silence a comment comes every 15 s. Deleted jobs leave their last event alone, and none in a group.",
    query: eventQuery,
    headers: ["Last-Event-ID"],
    answers: [
      {
        status: 200,
        says: "Goes on until the caller leaves or the server stops.",
        body: { media: "text/event-stream", shape: { is: "text" } },
      },
    ],
    problems: ["no-such-job", "no-such-type", "overloaded"],
    example: "-N ADDRESS",
  },
  {
    method: "GET",
    path: "/api/jobs/{job}/logs",
    group: "feed",
    who: "api",
    does: "Tells what workers said of failures, by attempt",
    query: logQuery,
    answers: [{ status: 200, says: "A line for each attempt, then its words.", body: text }],
    problems: ["no-such-job", "overloaded"],
    example: "-N 'ADDRESS?follow=1'",
  },
];
