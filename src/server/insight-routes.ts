// What a person asks about one job: what its workers said of failures, and why it does not run.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker, HistoryView } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import { parseJobRef, type JobRef } from "../domain/key.ts";
import { timerMsMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import { createBell } from "./bell.ts";
import type { Followers } from "./followers.ts";
import { toLogText } from "./log-text.ts";
import { flag, noParameters, readQuery } from "./query.ts";
import { toWireExplanation } from "./wire-explanation.ts";
import { toWireHistory } from "./wire-history.ts";

export type InsightDeps = {
  readonly broker: Pick<Broker, "history" | "get" | "explain" | "watch">;
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

/** Tells of each attempt once it is over; ends with the job. */
async function* tellLogs(
  { broker, clock }: InsightDeps,
  seq: number,
  title: string,
  stop: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const bell = createBell({ clock });
  const leave = await broker.watch((events) => {
    if (events.some(({ job }) => job === seq)) bell.ring();
  });
  try {
    yield title;
    const told = new Set<number>();
    while (!stop.aborted) {
      const history = await historyOrNull(broker, { by: "seq", seq });
      if (history === null) return;
      const ended = toWireHistory(history).attempts.filter(({ outcome }) => outcome !== null);
      const text = ended.filter(({ attempt }) => !told.has(attempt)).map(toLogText);
      for (const { attempt } of ended) told.add(attempt);
      if (text.length > 0) yield text.join("");
      if (isOver(history)) return;
      await bell.wait(timerMsMax, stop);
    }
  } finally {
    leave();
  }
}

/** Null once the job is deleted. */
async function historyOrNull(
  broker: InsightDeps["broker"],
  ref: JobRef,
): Promise<HistoryView | null> {
  try {
    return await broker.history(ref);
  } catch (error) {
    if (error instanceof GridError && error.code === "no-such-job") return null;
    throw error;
  }
}

function isOver({ events }: HistoryView): boolean {
  const status = events.at(-1)?.status;
  return status !== "pending" && status !== "running";
}

const contentType = "text/plain; charset=utf-8";
