// Taking jobs in: POST /api/jobs/submit, with the type in the path where the server has types.

import { Elysia } from "elysia";
import { GridError } from "../domain/errors.ts";
import type { JobType } from "../domain/job-type.ts";
import type { Broker } from "../broker/broker.ts";
import type { WireCreated } from "../protocol/http-api.ts";
import { readSubmission, type SubmissionDeps } from "./submission.ts";
import { ownHeaders, type HeaderSet } from "./own-headers.ts";
import type { Timers } from "./patience.ts";

export type SubmitDeps = Omit<SubmissionDeps, "broker"> & {
  readonly broker: Broker;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export function submitRoutes(deps: SubmitDeps) {
  return new Elysia({ prefix: "/jobs" })
    .post("/submit", ({ request, server, set }) => submit(deps, { request, server, set }, null), {
      parse: "none",
    })
    .post(
      "/submit/:type",
      ({ request, server, set, params }) => submit(deps, { request, server, set }, params.type),
      { parse: "none" },
    );
}

type Asked = { readonly request: Request; readonly server: Timers; readonly set: HeaderSet };

async function submit(
  deps: SubmitDeps,
  { request, server, set }: Asked,
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
  const headers = ownHeaders(set, {
    "content-type": "application/json",
    location: toJob(request.url, id),
    ...(isReplay && { "idempotent-replay": "true" }),
  });
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
function toJob(url: string, id: string): string {
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  const below = path.slice(path.lastIndexOf("/jobs/submit") + "/jobs/".length);
  return `${"../".repeat(below.split("/").length - 1) || "./"}${id}`;
}
