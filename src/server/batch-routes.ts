// Batches: pages of a type's jobs in the order they came, which never change once they are full.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { Patience, Timers } from "./patience.ts";
import { noParameters, readQuery } from "./query.ts";
import { requireTypeOf } from "./submit-routes.ts";
import { toWireJob } from "./wire.ts";

export type BatchRouteDeps = { readonly broker: Broker; readonly patience: Patience };

export function batchRoutes({ broker, patience }: BatchRouteDeps) {
  const batch = async (
    request: Request,
    server: Timers,
    type: string | null,
    number: string,
  ): Promise<Response> => {
    readQuery(request, noParameters);
    const { name } = requireTypeOf(broker, type, "GET /api/batches");
    patience.extend(request, server);
    const { jobs, isComplete } = await broker.batch(name, requireNumber(number));
    return Response.json(jobs.map(toWireJob), { headers: { "X-Batch-Complete": `${isComplete}` } });
  };
  return new Elysia({ prefix: "/batches" })
    .get("/:first", ({ request, server, params }) => batch(request, server, null, params.first))
    .get("/:first/:batch", ({ request, server, params }) =>
      batch(request, server, params.first, params.batch),
    );
}

function requireNumber(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new GridError("malformed", `"${text.slice(0, 64)}" is no batch: they are counted from 0.`);
}
