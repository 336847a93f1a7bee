// Many jobs: the list with its filters, page by page, and the stable batches of the original.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import { pageSizeDefault, pageSizeMax } from "../domain/limits.ts";
import type { OriginalJob, WireJob } from "../protocol/http-api.ts";
import { filterEntries, toFilter } from "./job-filter.ts";
import type { Patience } from "./patience.ts";
import { flag, oneOf, readQuery, wholeNumber } from "./query.ts";
import { toOriginalJob, toWireJob } from "./wire.ts";

const numberMax = Number.MAX_SAFE_INTEGER;

export const listQuery = v.object({
  ...filterEntries,
  order: v.optional(oneOf("order", ["newest", "oldest"])),
  limit: v.optional(wholeNumber("limit", 1, pageSizeMax)),
  cursor: v.optional(wholeNumber("cursor", 0, numberMax)),
  count: v.optional(flag("count")),
  view: v.optional(oneOf("view", ["original"])),
});

export type ListRouteDeps = { readonly broker: Broker; readonly patience: Patience };

export function listRoutes({ broker, patience }: ListRouteDeps) {
  return new Elysia().get(
    "/jobs",
    async ({ request, server, set }): Promise<readonly WireJob[] | readonly OriginalJob[]> => {
      const query = readQuery(request, listQuery);
      patience.extend(request, server);
      const filter = toFilter(query);
      const { items, next } = await broker.list({
        filter,
        order: query.order ?? "newest",
        limit: query.limit ?? pageSizeDefault,
        after: query.cursor ?? null,
      });
      if (query.count === true) set.headers["x-total-count"] = String(await broker.count(filter));
      if (next !== null) set.headers.link = `<${nextPage(request, next)}>; rel="next"`;
      return query.view === "original" ? items.map(toOriginalJob) : items.map(toWireJob);
    },
  );
}

/** A query alone: it is right under any path that a proxy may put the list. */
function nextPage(request: Request, cursor: number): string {
  const query = new URL(request.url).searchParams;
  const former = Array.from(query.keys()).filter((name) => name.toLowerCase() === "cursor");
  for (const name of former) query.delete(name);
  query.set("cursor", String(cursor));
  return `?${query.toString()}`;
}
