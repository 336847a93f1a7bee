// Notes of the routes of the server itself: its health, its description, its backup.

import { text, type RouteNote } from "./route-note.ts";

export const serverNotes: readonly RouteNote[] = [
  {
    method: "GET",
    path: "/livez",
    group: "server",
    who: "anyone",
    does: "Tells that the process is there",
    answers: [{ status: 200, says: "It is.", body: text }],
    problems: [],
  },
  {
    method: "GET",
    path: "/readyz",
    group: "server",
    who: "anyone",
    does: "Tells whether jobs are taken",
    answers: [
      { status: 200, says: "They are.", body: text },
      { status: 503, says: "They are not: it starts or stops.", body: text },
    ],
    problems: [],
  },
  {
    method: "GET",
    path: "/openapi.json",
    group: "server",
    who: "anyone",
    does: "This description, as OpenAPI 3.1",
    answers: [
      {
        status: 200,
        says: "The document.",
        body: { media: "application/json", shape: { is: "text" } },
      },
    ],
    problems: [],
  },
  {
    method: "GET",
    path: "/docs",
    group: "server",
    who: "anyone",
    does: "This description as a page to read and to try",
    answers: [
      { status: 200, says: "The page.", body: { media: "text/html", shape: { is: "text" } } },
    ],
    problems: [],
  },
  {
    method: "GET",
    path: "/api/backup",
    group: "server",
    who: "api",
    does: "Sends a backup of everything, made while the server runs",
    more: "gridlike restore puts it back. Without its last entry it is no backup.",
    answers: [
      {
        status: 200,
        says: "A tar file.",
        body: { media: "application/x-tar", shape: { is: "bytes" } },
      },
    ],
    problems: ["overloaded", "disk-low"],
    example: "-o backup.tar ADDRESS",
  },
];
