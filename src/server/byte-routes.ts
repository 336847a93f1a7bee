// The bytes of a job: its payload, and its result once there is one.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker, JobView } from "../broker/broker.ts";
import { unreachable } from "../domain/assert.ts";
import type { ByteRange, Content } from "../domain/blob-ref.ts";
import { GridError } from "../domain/errors.ts";
import type { DoneJob } from "../domain/job.ts";
import { parseJobRef } from "../domain/key.ts";
import { waitMsMax } from "../domain/limits-server.ts";
import { answerBytes } from "./bytes.ts";
import type { Downloads } from "./downloads.ts";
import type { HeaderSet } from "./own-headers.ts";
import { flag, noParameters, readQuery, seconds } from "./query.ts";
import type { Patience, Timers } from "./patience.ts";
import type { Waits } from "./waits.ts";

export type ByteRouteDeps = {
  readonly broker: Broker;
  readonly waits: Waits;
  readonly downloads: Downloads;
  readonly patience: Patience;
};

type Asked = { readonly request: Request; readonly server: Timers; readonly set: HeaderSet };

export const resultQuery = v.object({
  wait_s: v.optional(seconds("wait_s", 0, waitMsMax)),
  end_of_chain: v.optional(flag("end_of_chain")),
});

export function byteRoutes(deps: ByteRouteDeps) {
  const payload = async ({ request, server, set }: Asked, name: string): Promise<Response> => {
    readQuery(request, noParameters);
    const job = await deps.broker.get(parseJobRef(name));
    return send(deps, { request, server, set }, job.payload, `${job.key}.payload`);
  };
  const result = async ({ request, server, set }: Asked, name: string): Promise<Response> => {
    const job = await findResult(deps, request, server, name);
    return send(deps, { request, server, set }, job.result, `${job.key}.result`);
  };
  // HEAD is told apart: answering it from GET would open the bytes and lose their length.
  return new Elysia({ prefix: "/jobs/:job" })
    .get("/payload", ({ request, server, set, params }) =>
      payload({ request, server, set }, params.job),
    )
    .head("/payload", ({ request, server, set, params }) =>
      payload({ request, server, set }, params.job),
    )
    .get("/result", ({ request, server, set, params }) =>
      result({ request, server, set }, params.job),
    )
    .head("/result", ({ request, server, set, params }) =>
      result({ request, server, set }, params.job),
    );
}

function send(
  { broker, downloads, patience }: ByteRouteDeps,
  { request, server, set }: Asked,
  content: Content,
  fileName: string,
): Promise<Response> {
  const open = async (range?: ByteRange) => {
    const bytes = await broker.open(content, range);
    if (bytes instanceof ReadableStream) return downloads.send(request, server, bytes);
    patience.extend(request, server);
    return bytes;
  };
  return answerBytes(request, set, { content, fileName, open });
}

async function findResult(
  { broker, waits }: ByteRouteDeps,
  request: Request,
  server: Timers,
  name: string,
): Promise<DoneJob> {
  const ref = parseJobRef(name);
  const { wait_s: waitMs = 0, end_of_chain: isLast = false } = readQuery(request, resultQuery);
  const wait = isLast ? broker.waitForEndOfChain : broker.wait;
  const job =
    waitMs === 0 && !isLast
      ? await broker.get(ref)
      : await waits.hold(request, server, (stop) => wait(ref, waitMs, stop));
  if (job.status === "done") return job;
  throw notDone(job);
}

function notDone(job: Exclude<JobView, { status: "done" }>): GridError {
  const { key, id, status } = job;
  const about = { key, id, status, reason: null, info: job.info };
  switch (job.status) {
    case "pending":
    case "running":
      return new GridError(
        "not-done",
        `The job ${key} is ${status}. Ask again later, or wait with wait_s.`,
        { ...about, retry_after_s: 1 },
      );
    case "failed":
      return new GridError(
        "not-done",
        `The job ${key} failed (${job.reason})${job.info === null ? "." : `: ${job.info}`} Retry it to run it again.`,
        { ...about, reason: job.reason },
      );
    case "cancelled":
      return new GridError("not-done", `The job ${key} was cancelled. Retry it to run it.`, about);
    default:
      return unreachable(job);
  }
}
