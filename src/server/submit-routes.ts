// Taking jobs in: POST /api/jobs/submit, with the type in the path where the server has types.

import { Elysia } from "elysia";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import type { Broker } from "../broker/broker.ts";
import type { WireCreated } from "../protocol/http-api.ts";
import { readSubmission, type SubmissionDeps } from "./submission.ts";
import type { Timers } from "./patience.ts";

export type SubmitDeps = Omit<SubmissionDeps, "broker"> & {
  readonly broker: Broker;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export function submitRoutes(deps: SubmitDeps) {
  return new Elysia({ prefix: "/jobs" })
    .post("/submit", ({ request, server }) => submit(deps, request, server, null), {
      parse: "none",
    })
    .post(
      "/submit/:type",
      ({ request, server, params }) => submit(deps, request, server, params.type),
      { parse: "none" },
    );
}

async function submit(
  deps: SubmitDeps,
  request: Request,
  server: Timers,
  typeName: string | null,
): Promise<Response> {
  const { broker, isTaking } = deps;
  if (!isTaking()) {
    throw new GridError("shutting-down", "The server is stopping. Send it again when it is back.");
  }
  const type = requireTypeOf(broker, typeName, "POST /api/jobs/submit");
  await broker.requireRoom();
  const { asked, payload } = await readSubmission(deps, request, server, type.payloadBytesMax);
  const { contentType: _, ...submission } = asked;
  const submitted = await broker.submit({ ...submission, type: type.name, payload });
  const { key, id, seq, isReplay } = submitted;
  const body: WireCreated = { created: key, id, seq };
  const headers = new Headers({ "Content-Type": "application/json", Location: toJob(request, id) });
  if (isReplay) headers.set("Idempotent-Replay", "true");
  return new Response(JSON.stringify(body), { status: isReplay ? 200 : 202, headers });
}

/** The type that a path names. Without one the server must have no types; with one it must have that. */
export function requireTypeOf(broker: Broker, name: string | null, route: string): JobType {
  if (name !== null && name !== "") return broker.requireType(name);
  const names = broker.types().map((type) => type.name);
  if (names.includes("")) return broker.requireType("");
  throw new GridError(
    "malformed",
    `This server has job types. Name one: ${route}/TYPE with one of ${names.join(", ")}.`,
    { types: names },
  );
}

/** Relative, so that it is right behind any proxy: back to /api/jobs, then to the job. */
function toJob(request: Request, id: string): string {
  const { pathname } = new URL(request.url);
  const below = pathname.slice(pathname.lastIndexOf("/jobs/submit") + "/jobs/".length);
  return `${"../".repeat(below.split("/").length - 1) || "./"}${id}`;
}
