// What the token of an attempt opens, and no other credential does: the payload of its job, and the ways to end
// it. For workers that pull, and for whoever holds an attempt and has no socket just now.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import { describeEnd } from "../broker/describe-end.ts";
import type { PulledWork } from "../broker/pull-work.ts";
import type { ByteRange } from "../domain/blob-ref.ts";
import { cutToBytes } from "../domain/cut-text.ts";
import { GridError } from "../domain/errors.ts";
import { parseJobRef } from "../domain/key.ts";
import {
  failureInfoCharactersMax,
  failureLogBytesMax,
  progressInfoCharactersMax,
} from "../domain/limits.ts";
import { reportBytesMax } from "../domain/limits-server.ts";
import { answerBytes } from "./bytes.ts";
import type { Downloads } from "./downloads.ts";
import { readJson } from "./json-body.ts";
import type { Patience, Timers } from "./patience.ts";
import { noParameters, readQuery } from "./query.ts";
import { showLife } from "./sign-of-life.ts";
import { createResultDoor, type ResultDeps } from "./work-result.ts";

export type WorkDeps = ResultDeps & {
  readonly broker: Broker;
  readonly downloads: Downloads;
  readonly patience: Patience;
};

type Params = { readonly name: string; readonly attempt: string };

export function workRoutes(deps: WorkDeps) {
  const results = createResultDoor(deps);
  const opener = (request: Request, { name, attempt }: Params) => {
    readQuery(request, noParameters);
    const token = attemptToken(request);
    return () => deps.broker.openWork(parseJobRef(name), attemptNumber(attempt), token);
  };
  const open = (request: Request, params: Params) => opener(request, params)();

  return new Elysia({ prefix: "/work/:name/:attempt" })
    .get("/payload", async ({ request, server, params }) =>
      sendPayload(deps, request, server, await open(request, params)),
    )
    .head("/payload", async ({ request, server, params }) =>
      sendPayload(deps, request, server, await open(request, params)),
    )
    .head("/result", ({ request, server, params }) =>
      results.head(request, server, opener(request, params)),
    )
    .put(
      "/result",
      ({ request, server, params, set }) =>
        results.put(request, server, opener(request, params), (offset) => {
          set.headers["upload-offset"] = String(offset);
        }),
      unread,
    )
    .post(
      "/fail",
      async ({ request, server, params }) =>
        fail(deps, request, server, await open(request, params)),
      unread,
    )
    .post(
      "/progress",
      async ({ request, server, params }) =>
        progress(deps, request, server, await open(request, params)),
      unread,
    )
    .post(
      "/release",
      async ({ request, server, params }) =>
        release(deps, request, server, await open(request, params)),
      unread,
    );
}

/** The routes read their bodies themselves. */
const unread = { parse: "none" } as const;

function sendPayload(
  { broker, downloads, patience }: WorkDeps,
  request: Request,
  server: Timers,
  { job, renew }: PulledWork,
): Promise<Response> {
  const open = async (range?: ByteRange) => {
    const bytes = await broker.open(job.payload, range);
    if (bytes instanceof ReadableStream) {
      return downloads.send(request, server, showLife(bytes, renew));
    }
    patience.extend(request, server);
    return bytes;
  };
  const nothing = { headers: {} }; // The framework adds what every answer has.
  return answerBytes(request, nothing, {
    content: job.payload,
    fileName: `${job.key}.payload`,
    open,
  });
}

const text = (charactersMax: number) =>
  v.nullish(
    v.pipe(
      v.string(),
      v.transform((said) => said.slice(0, charactersMax).toWellFormed()),
    ),
    null,
  );

export const failSchema = v.object({
  info: text(failureInfoCharactersMax),
  logs: v.nullish(
    v.pipe(
      v.string(),
      v.transform((said) => cutToBytes(said, failureLogBytesMax)),
    ),
    null,
  ),
  exit_code: v.nullish(v.pipe(v.number(), v.safeInteger()), null),
  signal: text(32),
  retryable: v.nullish(v.boolean(), true),
});

async function fail({ uploads }: WorkDeps, request: Request, server: Timers, work: PulledWork) {
  const schema = { sizeBytesMax: reportBytesMax, schema: failSchema };
  const said = await readJson(uploads, request, server, schema);
  const { logs, retryable, exit_code: exitCode, signal } = said;
  const info = said.info ?? describeEnd({ exitCode, signal });
  return { verdict: await work.fail({ info, logs, retryable }) };
}

export const progressSchema = v.object({
  percent: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), null),
  info: text(progressInfoCharactersMax),
});

async function progress({ uploads }: WorkDeps, request: Request, server: Timers, work: PulledWork) {
  const schema = { sizeBytesMax: reportBytesMax, schema: progressSchema };
  return { verdict: await work.progress(await readJson(uploads, request, server, schema)) };
}

export const releaseSchema = v.object({ info: text(failureInfoCharactersMax) });

async function release({ uploads }: WorkDeps, request: Request, server: Timers, work: PulledWork) {
  const schema = { sizeBytesMax: reportBytesMax, schema: releaseSchema };
  const { info } = await readJson(uploads, request, server, schema);
  return { verdict: await work.release(info ?? "The worker gave the job back.") };
}

function attemptNumber(given: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(given)) return Number(given);
  throw new GridError("malformed", `"${given.slice(0, 64)}" is no attempt: they count from 1.`);
}

function attemptToken({ headers }: Request): Uint8Array {
  const token = headers.get("gridlike-attempt-token");
  if (token === null) {
    throw new GridError(
      "unauthenticated",
      "The request has no Gridlike-Attempt-Token. Send the one that came with the claim.",
    );
  }
  // What is no token at all is as wrong as a foreign one.
  return /^[0-9a-f]{64}$/i.test(token) ? Uint8Array.fromHex(token) : new Uint8Array();
}
