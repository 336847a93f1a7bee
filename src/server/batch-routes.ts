// Batches: pages of a type's jobs in the order they came, which never change once they are full.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import { noParameters, readQuery } from "./query.ts";
import { requireTypeOf } from "./submit-routes.ts";
import { toWireJob } from "./wire.ts";

export function batchRoutes({ broker }: { readonly broker: Broker }) {
  const batch = async (
    request: Request,
    type: string | null,
    number: string,
  ): Promise<Response> => {
    readQuery(request, noParameters);
    const { name } = requireTypeOf(broker, type, "GET /api/batches");
    const { jobs, isComplete } = await broker.batch(name, requireNumber(number));
    return Response.json(jobs.map(toWireJob), { headers: { "X-Batch-Complete": `${isComplete}` } });
  };
  return new Elysia({ prefix: "/batches" })
    .get("/:first", ({ request, params }) => batch(request, null, params.first))
    .get("/:first/:batch", ({ request, params }) => batch(request, params.first, params.batch));
}

function requireNumber(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new GridError("malformed", `"${text.slice(0, 64)}" is no batch: they are counted from 0.`);
}
