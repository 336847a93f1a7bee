// All that happens, as it happens: the stored events as server-sent events. A reader that comes back with the id of
// the last event it saw goes on right behind it; where that is not possible it is told so once.

import { Elysia } from "elysia";
import * as v from "valibot";
import type { Broker } from "../broker/broker.ts";
import { toEventId, type EventPlace } from "../broker/event-tail.ts";
import type { StoredEvent } from "../domain/event.ts";
import type { JobSeq } from "../domain/job.ts";
import { parseJobRef } from "../domain/key.ts";
import { eventPageSizeMax, followerBeatMs } from "../domain/limits-server.ts";
import { groupBytesMax, keyBytesMax } from "../domain/limits.ts";
import type { Clock } from "../platform/clock.ts";
import { createBell } from "./bell.ts";
import type { Followers } from "./followers.ts";
import { boundedText, readQuery } from "./query.ts";
import { toWireEvent } from "./wire-history.ts";

export type EventRouteDeps = {
  readonly broker: Pick<Broker, "eventPlace" | "events" | "watch" | "get" | "requireType">;
  readonly followers: Followers;
  readonly clock: Clock;
};

export const eventQuery = v.object({
  job: v.optional(boundedText("job", keyBytesMax)),
  group: v.optional(boundedText("group", groupBytesMax)),
  type: v.optional(boundedText("type", 64)),
  last_event_id: v.optional(boundedText("last_event_id", 64)),
});

/** What a follower wants to hear of; null is everything. */
type Filter = {
  readonly job: JobSeq | null;
  readonly group: string | null;
  readonly type: string | null;
};

export function eventRoutes(deps: EventRouteDeps) {
  return new Elysia().get("/events", async ({ request, server }) => {
    const query = readQuery(request, eventQuery);
    const filter = await readFilter(deps, query);
    // The header is what a browser says when it comes back; its address still holds where it began.
    const lastId = request.headers.get("last-event-id") ?? query.last_event_id ?? null;
    const place = await deps.broker.eventPlace(lastId);
    const tell = (stop: AbortSignal) => tellEvents(deps, place, filter, stop);
    return deps.followers.send(request, server, "text/event-stream; charset=utf-8", tell);
  });
}

/** A job or type that is not there is a mistake; a group is only known by its jobs. */
async function readFilter(
  { broker }: EventRouteDeps,
  { job, group, type }: v.InferOutput<typeof eventQuery>,
): Promise<Filter> {
  return {
    job: job === undefined ? null : (await broker.get(parseJobRef(job))).seq,
    group: group ?? null,
    type: type === undefined ? null : broker.requireType(type).name,
  };
}

async function* tellEvents(
  { broker, clock }: EventRouteDeps,
  place: EventPlace,
  filter: Filter,
  stop: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const bell = createBell({ clock });
  const leave = await broker.watch(bell.ring);
  try {
    let { after } = place;
    let saidMs = clock.monotonicMs();
    yield opening(place);
    while (!stop.aborted) {
      const events = await broker.events(after, eventPageSizeMax);
      after = events.at(-1)?.seq ?? after;
      const text = events
        .map((event) => (fits(event, filter) ? toText(place, event) : ""))
        .join("");
      const isOverdue = clock.monotonicMs() - saidMs >= followerBeatMs;
      if (text !== "" || isOverdue) {
        yield text === "" ? beat(place, after) : text;
        saidMs = clock.monotonicMs();
      }
      // Behind: others get their turn between two pages.
      if (events.length === eventPageSizeMax) await clock.sleep(0, stop);
      else await bell.wait(saidMs + followerBeatMs - clock.monotonicMs(), stop);
    }
  } finally {
    leave();
  }
}

function fits({ job, group, type }: StoredEvent, filter: Filter): boolean {
  return (
    (filter.job === null || filter.job === job) &&
    (filter.group === null || filter.group === group) &&
    (filter.type === null || filter.type === type)
  );
}

/** The place from which a reader without a past begins, so that it can come back before the first event. */
function opening(place: EventPlace): string {
  const id = `id: ${toEventId(place, place.after)}`;
  if (place.isUnbroken) return `retry: ${retryMs}\n${id}\n\n`;
  const why = "What followed the last event seen is not known here. Look at the jobs anew.";
  return `retry: ${retryMs}\n${id}\nevent: reset\ndata: ${JSON.stringify({ why })}\n\n`;
}

/** The JSON of an event is made once for all who follow. */
const jsonByEvent = new WeakMap<StoredEvent, string>();

function toText(place: EventPlace, event: StoredEvent): string {
  const known = jsonByEvent.get(event);
  const json = known ?? JSON.stringify(toWireEvent(event));
  if (known === undefined) jsonByEvent.set(event, json);
  return `id: ${toEventId(place, event.seq)}\ndata: ${json}\n\n`;
}

/** A comment, and how far the reader has come: a filter may have let nothing pass for long. */
function beat(place: EventPlace, after: number): string {
  return `: beat\nid: ${toEventId(place, after)}\n\n`;
}

/** Until a reader whose connection broke comes back. */
const retryMs = 1_000;
