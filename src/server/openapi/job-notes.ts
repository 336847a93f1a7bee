// Notes of the routes of one job.

import { resultQuery } from "../byte-routes.ts";
import { deleteQuery, waitQuery } from "../job-routes.ts";
import { one, type AnswerNote, type RouteNote } from "./route-note.ts";

const bytes = { media: "application/octet-stream", shape: { is: "bytes" } } as const;
const byteHeaders = ["ETag", "Repr-Digest", "Accept-Ranges"];

const byteAnswers: readonly AnswerNote[] = [
  { status: 200, says: "The bytes, as their own media type.", body: bytes, headers: byteHeaders },
  { status: 206, says: "The part that was asked for.", body: bytes, headers: ["Content-Range"] },
  { status: 304, says: "The caller has these bytes already." },
];

const about = { group: "jobs", who: "api" } as const;
const noBody = [{ status: 200, says: "The job as it then is.", body: one("Job") }] as const;

export const jobNotes: readonly RouteNote[] = [
  {
    ...about,
    method: "GET",
    path: "/api/jobs/{job}",
    does: "Tells what the job is",
    query: waitQuery,
    answers: [
      { status: 200, says: "The job, settled or as it is when the time is up.", body: one("Job") },
    ],
    problems: ["no-such-job"],
    example: "'ADDRESS?wait_s=30'",
  },
  {
    ...about,
    method: "DELETE",
    path: "/api/jobs/{job}",
    does: "Deletes a settled job, with its bytes and its history",
    more: "The key is free at once. Its successors stay.",
    query: deleteQuery,
    answers: [{ status: 204, says: "It is gone." }],
    problems: ["no-such-job", "still-active"],
    example: "-X DELETE ADDRESS",
  },
  {
    ...about,
    method: "POST",
    path: "/api/jobs/{job}/delete",
    does: "Cancels the job and deletes it, as the original did",
    answers: [{ status: 202, says: "It is gone.", body: one("Deleted") }],
    problems: ["no-such-job"],
  },
  {
    ...about,
    method: "GET",
    path: "/api/jobs/{job}/payload",
    does: "Sends the bytes that the job was submitted with",
    hasHead: true,
    headers: ["Range", "If-Range", "If-None-Match"],
    answers: byteAnswers,
    problems: ["no-such-job", "bytes-forgotten", "range-not-satisfiable"],
    example: "-O ADDRESS",
  },
  {
    ...about,
    method: "GET",
    path: "/api/jobs/{job}/result",
    does: "Sends the bytes of the result",
    more: "A job that is not done is 409 not-done; when it failed or was cancelled, info has its own reason.",
    hasHead: true,
    query: resultQuery,
    headers: ["Range", "If-Range", "If-None-Match"],
    answers: byteAnswers,
    problems: ["no-such-job", "not-done", "bytes-forgotten", "range-not-satisfiable"],
    example: "'ADDRESS?wait_s=30'",
  },
  {
    ...about,
    method: "GET",
    path: "/api/jobs/{job}/history",
    does: "Tells every event and attempt",
    answers: [{ status: 200, says: "Oldest first.", body: one("History") }],
    problems: ["no-such-job"],
  },
  {
    ...about,
    method: "GET",
    path: "/api/jobs/{job}/explain",
    does: "Tells why the job does not run, and what would change that",
    more: "What is in its way, how many jobs are before it, and what each connected worker means to it.",
    answers: [{ status: 200, says: "Reasons in words, with codes.", body: one("Explanation") }],
    problems: ["no-such-job"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/jobs/{job}/cancel",
    does: "Cancels the job",
    more: "Cancelling a cancelled job is no error.",
    answers: noBody,
    problems: ["no-such-job", "already-done"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/jobs/{job}/retry",
    does: "Gives a failed or cancelled job another life",
    answers: noBody,
    problems: ["no-such-job", "already-done", "still-active"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/jobs/{job}/hold",
    does: "Keeps a waiting job back",
    answers: noBody,
    problems: ["no-such-job", "already-done", "still-active"],
  },
  {
    ...about,
    method: "POST",
    path: "/api/jobs/{job}/unhold",
    does: "Lets a held job go on",
    answers: noBody,
    problems: ["no-such-job"],
  },
];
