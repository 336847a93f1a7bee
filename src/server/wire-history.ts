// Tells a job's past twice: as its events, and as its attempts, which are read off the events.

import type { StoredEvent } from "../domain/event.ts";
import type { HistoryView } from "../broker/broker.ts";
import type { WireAttempt, WireEvent, WireHistory } from "../protocol/http-api.ts";
import { toWireInstant } from "./instants.ts";
import { toTypeName } from "./wire.ts";

export function toWireHistory({ events, logs }: HistoryView): WireHistory {
  const logsByAttempt = new Map(logs.map(({ attempt, text }) => [attempt, text]));
  const attempts = readAttempts(events).map((attempt) => ({
    ...attempt,
    logs: logsByAttempt.get(attempt.attempt) ?? null,
  }));
  return { events: events.map(toWireEvent), attempts };
}

export function toWireEvent(event: StoredEvent): WireEvent {
  return {
    seq: event.seq,
    at: toWireInstant(event.at),
    job: event.job,
    id: event.id,
    key: event.key,
    type: toTypeName(event.type),
    group: event.group,
    change: event.change,
    status: event.status,
    attempt: event.attempt,
    worker: event.worker === null ? null : { id: event.worker.id, name: event.worker.name },
    reason: event.reason,
    info: event.info,
  };
}

/**
 * A claim opens an attempt, the latest other event of that attempt tells its outcome: an attempt that was
 * lost and yet completed counts as completed. One left open when the job was settled was superseded.
 */
function readAttempts(events: readonly StoredEvent[]): readonly WireAttempt[] {
  const attempts = new Map<number, WireAttempt>();
  for (const event of events) {
    const at = toWireInstant(event.at);
    const isEnd = ["done", "failed", "cancelled"].includes(event.status);
    if (event.attempt !== null) {
      const former = attempts.get(event.attempt) ?? blankAttempt(event.attempt);
      const worker = event.worker ?? former.worker;
      const { change: outcome, info } = event;
      const isClaim = outcome === "claimed";
      attempts.set(
        event.attempt,
        isClaim
          ? { ...former, worker, started: at }
          : { ...former, worker, ended: at, outcome, info },
      );
    }
    if (!isEnd) continue;
    for (const open of attempts.values()) {
      if (open.outcome !== null) continue;
      attempts.set(open.attempt, { ...open, ended: at, outcome: "superseded" });
    }
  }
  return [...attempts.values()];
}

function blankAttempt(attempt: number): WireAttempt {
  return {
    attempt,
    worker: null,
    started: null,
    ended: null,
    outcome: null,
    info: null,
    logs: null,
  };
}
