// The figures of the grid: jobs by type and status, workers, rates, and what kind of durability is kept.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { noParameters, readQuery } from "./query.ts";
import { toWireStats } from "./wire.ts";

export type StatsRouteDeps = {
  readonly broker: Pick<Broker, "stats">;
  readonly isTaking: () => boolean;
  readonly version: string;
};

export function statsRoutes({ broker, isTaking, version }: StatsRouteDeps) {
  return new Elysia().get("/stats", async ({ request }) => {
    readQuery(request, noParameters);
    return toWireStats(await broker.stats(), { version, accepting: isTaking() });
  });
}
