// Tells a job's past twice: as its events, and as its attempts, which are read off the events.

import type { StoredEvent } from "../domain/event.ts";
import type { HistoryView } from "../broker/broker.ts";
import type { WireAttempt, WireEvent, WireHistory } from "../protocol/http-api.ts";
import { toWireInstant } from "./instants.ts";
import { toTypeName } from "./wire.ts";

export function toWireHistory({ events, logs }: HistoryView): WireHistory {
  const logsByAttempt = new Map<number, string>();
  // One that ended twice, because it was given up too early, has two parts.
  for (const { attempt, text } of logs) {
    logsByAttempt.set(attempt, (logsByAttempt.get(attempt) ?? "") + text);
  }
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
      attempts.set(event.attempt, { ...former, worker, ...newsOf(event) });
    }
    if (!isEnd) continue;
    for (const open of attempts.values()) {
      if (open.outcome !== null) continue;
      attempts.set(open.attempt, { ...open, ended: at, outcome: "superseded" });
    }
  }
  return [...attempts.values()];
}

/** What an event of an attempt changes about it. */
function newsOf({ at, change, info }: StoredEvent): Partial<WireAttempt> {
  if (change === "claimed") return { started: toWireInstant(at) };
  // It was given up too early: it runs on.
  if (change === "reopened") return { ended: null, outcome: null, info: null };
  return { ended: toWireInstant(at), outcome: change, info };
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
