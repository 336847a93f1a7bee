// Notes of the routes that tell of types, workers and figures.

import { many, one, type RouteNote } from "./route-note.ts";

const about = { group: "workers", who: "api" } as const;

export const workerNotes: readonly RouteNote[] = [
  {
    ...about,
    method: "GET",
    path: "/api/types",
    does: "Lists the job types with their limits",
    answers: [{ status: 200, says: "All types.", body: many("Type") }],
    problems: [],
  },
  {
    ...about,
    method: "GET",
    path: "/api/workers",
    does: "Lists the workers that are connected, or were a moment ago",
    answers: [{ status: 200, says: "All workers.", body: many("Worker") }],
    problems: [],
  },
  {
    ...about,
    method: "GET",
    path: "/api/workers/{worker}",
    does: "Tells of one worker",
    answers: [{ status: 200, says: "The worker.", body: one("Worker") }],
    problems: ["no-such-worker"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/workers/{worker}/kick",
    does: "Ends a worker's connection; its job is lost at once",
    answers: [{ status: 200, says: "The worker as it then is.", body: one("Worker") }],
    problems: ["no-such-worker"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/workers/{worker}/drain",
    does: "Lets a worker end what it has and gives it nothing new, also when it comes back",
    answers: [{ status: 200, says: "The worker as it then is.", body: one("Worker") }],
    problems: ["no-such-worker"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/workers/{worker}/undrain",
    does: "Gives a drained worker jobs again",
    answers: [{ status: 200, says: "The worker as it then is.", body: one("Worker") }],
    problems: ["no-such-worker"],
  },
  {
    ...about,
    method: "GET",
    path: "/api/stats",
    does: "Tells counts, rates, workers, disk and durability",
    answers: [{ status: 200, says: "The figures.", body: one("Stats") }],
    problems: [],
  },
];
