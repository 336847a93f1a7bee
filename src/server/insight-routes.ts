// What a person asks about one job: what its workers say and said of it, and why it does not run.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import { parseJobRef } from "../domain/key.ts";
import type { Clock } from "../platform/clock.ts";
import type { Followers } from "./followers.ts";
import { toLogText } from "./log-text.ts";
import { flag, noParameters, readQuery } from "./query.ts";
import { tellLogs, type TellLogsDeps } from "./tell-logs.ts";
import { toWireExplanation } from "./wire-explanation.ts";
import { toWireHistory } from "./wire-history.ts";

export type InsightDeps = {
  readonly broker: TellLogsDeps["broker"] & Pick<Broker, "get" | "explain">;
  readonly followers: Followers;
  readonly clock: Clock;
};

export const logQuery = v.object({ follow: v.optional(flag("follow")) });

export function insightRoutes(deps: InsightDeps) {
  const { broker, followers } = deps;
  return new Elysia({ prefix: "/jobs/:job" })
    .get("/explain", async ({ request, params }) => {
      readQuery(request, noParameters);
      return toWireExplanation(await broker.explain(parseJobRef(params.job)));
    })
    .get("/logs", async ({ request, server, params }) => {
      const { follow = false } = readQuery(request, logQuery);
      const ref = parseJobRef(params.job);
      const { seq, key } = await broker.get(ref);
      // Said at once: the head of an answer leaves with its first bytes.
      const title = `== job ${key}\n`;
      if (follow) {
        const tell = (stop: AbortSignal) => tellLogs(deps, seq, title, stop);
        return followers.send(request, server, contentType, tell);
      }
      const { attempts } = toWireHistory(await broker.history({ by: "seq", seq }));
      const headers = { "Content-Type": contentType };
      return new Response(title + attempts.map(toLogText).join(""), { headers });
    });
}

const contentType = "text/plain; charset=utf-8";
