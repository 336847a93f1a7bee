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
    does: "Tells what jobs say and said, and what workers said of failures, by attempt",
    query: logQuery,
    answers: [{ status: 200, says: "A line for each attempt, then its words.", body: text }],
    problems: ["no-such-job", "overloaded"],
    example: "-N 'ADDRESS?follow=1'",
  },
  {
    method: "GET",
    path: "/api/client",
    group: "feed",
    who: "api",
    does: "The socket of clients: submissions in frames, and results the moment they exist",
    more: "docs/protocol.md has the messages. The subprotocol is gridlike.v2. A browser, which cannot set headers on a socket, offers its token as a second one: gridlike.token. and the token in base64url.",
    answers: [{ status: 101, says: "The connection speaks WebSocket from here on." }],
    problems: ["protocol-version", "overloaded", "shutting-down"],
  },
];
