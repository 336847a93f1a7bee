// The workers that are connected, or were a moment ago.

import { Elysia } from "elysia";
import type { Broker } from "../broker/broker.ts";
import { noParameters, readQuery } from "./query.ts";
import { toWireWorker } from "./wire.ts";

export type WorkerRouteDeps = { readonly broker: Pick<Broker, "workers" | "worker" | "kick" | "drainWorker" | "undrainWorker"> };

export function workerRoutes({ broker }: WorkerRouteDeps) {
  return new Elysia({ prefix: "/workers" })
    .get("/", ({ request }) => {
      readQuery(request, noParameters);
      return broker.workers().map(toWireWorker);
    })
    .get("/:worker", ({ request, params }) => {
      readQuery(request, noParameters);
      return toWireWorker(broker.worker(params.worker));
    })
    .post(
      "/:worker/kick",
      ({ request, params }) => {
        readQuery(request, noParameters);
        return toWireWorker(broker.kick(params.worker));
      },
      { parse: "none" },
    )
    .post(
      "/:worker/drain",
      ({ request, params }) => {
        readQuery(request, noParameters);
        return toWireWorker(broker.drainWorker(params.worker));
      },
      { parse: "none" },
    )
    .post(
      "/:worker/undrain",
      ({ request, params }) => {
        readQuery(request, noParameters);
        return toWireWorker(broker.undrainWorker(params.worker));
      },
      { parse: "none" },
    );
}
