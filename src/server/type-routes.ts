// The job types of this server, with their limits.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { noParameters, readQuery } from "./query.ts";
import { toWireType } from "./wire.ts";

export function typeRoutes({ broker }: { readonly broker: Pick<Broker, "types"> }) {
  return new Elysia().get("/types", ({ request }) => {
    readQuery(request, noParameters);
    return broker.types().map(toWireType);
  });
}
