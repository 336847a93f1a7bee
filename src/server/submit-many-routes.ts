// Taking many jobs in with one request: POST /api/jobs/submit-many, in three forms. The answer, a line for each job,
// begins with the first commit and goes on while the body comes.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import type { Log } from "../platform/log.ts";
import { atEndOfTurn } from "../platform/turn.ts";
import type { Answers, AnswerLines } from "./answer-lines.ts";
import { errorLine, takeIn } from "./bulk-intake.ts";
import { readForm } from "./bulk-form.ts";
import { readFrames } from "./bulk-frames.ts";
import { readDefaults, type BulkItems } from "./bulk-job.ts";
import { readLines } from "./bulk-lines.ts";
import { boundaryOf } from "./multipart.ts";
import type { Timers } from "./patience.ts";
import { parseQuery } from "./query.ts";
import { mediaType, refuseEncoding } from "./submission.ts";
import { requireOption } from "./submit-options.ts";
import { requireTypeOf } from "./submit-routes.ts";
import type { Uploads } from "./uploads.ts";

export type SubmitManyDeps = {
  readonly broker: Broker;
  readonly uploads: Uploads;
  readonly answers: Answers;
  readonly log: Log;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export function submitManyRoutes(deps: SubmitManyDeps) {
  return new Elysia({ prefix: "/jobs" })
    .post("/submit-many", ({ request, server }) => submitMany(deps, request, server, null), {
      parse: "none",
    })
    .post(
      "/submit-many/:type",
      ({ request, server, params }) => submitMany(deps, request, server, params.type),
      { parse: "none" },
    );
}

async function submitMany(
  deps: SubmitManyDeps,
  request: Request,
  server: Timers,
  typeName: string | null,
): Promise<Response> {
  if (!deps.isTaking()) {
    throw new GridError("shutting-down", "The server is stopping. Send it again when it is back.");
  }
  const type = requireTypeOf(deps.broker, typeName, "POST /api/jobs/submit-many");
  const read = readerOf(deps, request, type);
  await deps.broker.requireRoom();
  const lines = deps.answers.open(request, server);
  const begun = Promise.withResolvers<void>();
  const write = async (text: string) => {
    begun.resolve();
    await lines.write(text);
  };
  const intake = deps.uploads.receive(request, server, Number.MAX_SAFE_INTEGER, (bytes) =>
    takeIn({ broker: deps.broker, type, atEndOfTurn, write }, read(bytes)),
  );
  // Before its first line a request that fails has an answer of its own.
  await Promise.race([begun.promise, intake]);
  void finish(deps, lines, intake);
  return new Response(lines.body as ConstructorParameters<typeof Response>[0], {
    status: 202,
    headers: { "Content-Type": "application/x-ndjson" },
  });
}

/** Writes the last line, unless it broke off: that nothing follows is how a reader knows. Never rejects. */
async function finish(
  { log }: SubmitManyDeps,
  lines: AnswerLines,
  intake: ReturnType<typeof takeIn>,
): Promise<void> {
  try {
    const { accepted, refused } = await intake;
    await lines.write(`${JSON.stringify({ end: true, accepted, refused })}\n`);
  } catch (error) {
    if (error instanceof GridError) await lines.write(errorLine(error, null));
    else if (error instanceof DOMException && error.name === "AbortError") {
      log.info("submit_many.aborted", {});
    } else {
      log.error("submit_many.failed", error);
      const sentence = "The server failed; its log has the reason.";
      await lines.write(errorLine(new GridError("internal", sentence), null));
    }
  } finally {
    lines.end();
  }
}

type Read = (bytes: AsyncIterable<Uint8Array>) => BulkItems;

/** How the body is to be read, after all that can be known of the request before it comes. */
function readerOf({ broker }: SubmitManyDeps, request: Request, type: JobType): Read {
  const words = parseQuery(request.url);
  for (const name of words.keys()) requireOption("option", name, []);
  const defaults = readDefaults(words);
  refuseEncoding(request.headers.get("content-encoding"));
  refuseDigest(request);
  const contentType = request.headers.get("content-type");
  const media = mediaType(contentType);
  const deps = { broker, type, defaults };
  if (media === "multipart/form-data") {
    const boundary = boundaryOf(contentType);
    return (bytes) => readForm({ broker, type, words }, bytes, boundary);
  }
  if (media === framesMediaType) return (bytes) => readFrames(deps, bytes);
  if (lineMediaTypes.has(media)) return (bytes) => readLines(deps, bytes);
  throw new GridError(
    "malformed",
    `A bulk submission is multipart/form-data, application/x-ndjson or ${framesMediaType}, and not ${media.slice(0, 64)}.`,
  );
}

const framesMediaType = "application/vnd.gridlike.frames";

/** Also what tools say when they were told nothing. */
const lineMediaTypes = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/json-lines",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
  "text/plain",
  "",
]);

/** It tells of damage at the end, when jobs have been taken in long since. */
function refuseDigest({ headers }: Request): void {
  if (headers.get("content-digest") === null) return;
  throw new GridError(
    "unsupported-option",
    "A bulk submission is taken in while it comes, so that no Content-Digest can be checked before. Leave it out.",
  );
}
