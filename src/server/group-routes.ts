// A user's own set of jobs: how far it is, ending it, giving what failed another life, and taking all results home.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import type { Clock } from "../platform/clock.ts";
import type { WireManyDone } from "../protocol/http-api.ts";
import { disposition } from "./bytes.ts";
import type { Downloads } from "./downloads.ts";
import { groupArchive } from "./group-archive.ts";
import { cursorWord } from "./many-routes.ts";
import type { Timers } from "./patience.ts";
import { noParameters, readQuery } from "./query.ts";
import type { Waits } from "./waits.ts";
import { toWireGroup, toWireManyDone } from "./wire.ts";

export type GroupRouteDeps = {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly waits: Waits;
  readonly downloads: Downloads;
};

export const actQuery = v.object({ cursor: v.optional(cursorWord()) });

export function groupRoutes({ broker, clock, waits, downloads }: GroupRouteDeps) {
  const act = async (
    verb: "cancel" | "retry",
    request: Request,
    server: Timers,
    group: string,
  ): Promise<WireManyDone> => {
    const { cursor = null } = readQuery(request, actQuery);
    await broker.group(group);
    const statuses = verb === "cancel" ? (["pending", "running"] as const) : (["failed"] as const);
    const wanted = { filter: { group }, statuses };
    return toWireManyDone(
      await waits.hold(request, server, (stop) => broker.actOnMany(verb, wanted, cursor, stop)),
    );
  };
  const results = async (request: Request, server: Timers, group: string): Promise<Response> => {
    readQuery(request, noParameters);
    await broker.group(group);
    const headers = {
      "Content-Type": "application/x-tar",
      "Content-Disposition": disposition(`${group}.tar`),
      "Content-Security-Policy": "sandbox",
    };
    if (request.method === "HEAD") return new Response(null, { headers });
    const bytes = toStream(groupArchive({ broker }, group, clock.now()));
    const body = downloads.send(request, server, bytes);
    return new Response(body as ConstructorParameters<typeof Response>[0], { headers });
  };
  return new Elysia({ prefix: "/groups/:group" })
    .get("/", async ({ request, params }) => {
      readQuery(request, noParameters);
      return toWireGroup(await broker.group(params.group));
    })
    .post(
      "/cancel",
      ({ request, server, params }) => act("cancel", request, server, params.group),
      {
        parse: "none",
      },
    )
    .post(
      "/retry-failed",
      ({ request, server, params }) => act("retry", request, server, params.group),
      { parse: "none" },
    )
    .get("/results.tar", ({ request, server, params }) => results(request, server, params.group))
    .head("/results.tar", ({ request, server, params }) => results(request, server, params.group));
}

/** Made as fast as it is read. */
function toStream(bytes: AsyncGenerator<Uint8Array, void, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await bytes.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await bytes.return();
      },
    },
    { highWaterMark: 0 },
  );
}
