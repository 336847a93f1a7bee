// One job: what it is, what happened to it, and what people do to it.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker, JobView } from "../broker/broker.ts";
import { parseJobRef } from "../domain/key.ts";
import { waitMsMax } from "../domain/limits-server.ts";
import type { WireDeleted, WireJob } from "../protocol/http-api.ts";
import { flag, noParameters, readQuery, seconds } from "./query.ts";
import { toWireHistory } from "./wire-history.ts";
import { toWireJob } from "./wire.ts";
import type { Waits } from "./waits.ts";

export type JobRouteDeps = { readonly broker: Broker; readonly waits: Waits };

export const waitQuery = v.object({ wait_s: v.optional(seconds("wait_s", 0, waitMsMax)) });
export const deleteQuery = v.object({ force: v.optional(flag("force")) });

type Verb = "cancel" | "retry" | "hold" | "unhold";

export function jobRoutes({ broker, waits }: JobRouteDeps) {
  const operate = async (verb: Verb, request: Request, job: string): Promise<WireJob> => {
    readQuery(request, noParameters);
    return toWireJob(await broker[verb](parseJobRef(job)));
  };
  return new Elysia({ prefix: "/jobs/:job" })
    .get("/", async ({ request, server, params }) => {
      const ref = parseJobRef(params.job);
      const waitMs = readQuery(request, waitQuery).wait_s ?? 0;
      const job: JobView =
        waitMs === 0
          ? await broker.get(ref)
          : await waits.hold(request, server, (stop) => broker.wait(ref, waitMs, stop));
      return toWireJob(job);
    })
    .get("/history", async ({ request, params }) => {
      readQuery(request, noParameters);
      return toWireHistory(await broker.history(parseJobRef(params.job)));
    })
    .post("/cancel", ({ request, params }) => operate("cancel", request, params.job), unread)
    .post("/retry", ({ request, params }) => operate("retry", request, params.job), unread)
    .post("/hold", ({ request, params }) => operate("hold", request, params.job), unread)
    .post("/unhold", ({ request, params }) => operate("unhold", request, params.job), unread)
    .post(
      "/delete",
      async ({ request, params, set }): Promise<WireDeleted> => {
        readQuery(request, noParameters);
        const deleted = await broker.remove(parseJobRef(params.job), { force: true });
        set.status = 202;
        return { deleted };
      },
      unread,
    )
    .delete(
      "/",
      async ({ request, params }) => {
        const { force } = readQuery(request, deleteQuery);
        await broker.remove(parseJobRef(params.job), { force: force ?? false });
        return new Response(null, { status: 204 });
      },
      unread,
    );
}

/** These requests have no body of meaning; one that comes along is not read. */
const unread = { parse: "none" } as const;
