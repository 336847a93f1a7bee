// The events as they are written, for those who follow them. The newest are kept in memory while anybody listens,
// so that a thousand followers cost one read of the store for each commit; who is behind reads the store itself.
// Only events that are committed are told, in their order, and none is left out but those of deleted jobs.

import { assert } from "../domain/assert.ts";
import type { StoredEvent } from "../domain/event.ts";
import { eventReplayCountMax, eventTailCountMax, pageSizeMax } from "../domain/limits.ts";
import type { MakeId } from "../platform/ids.ts";
import type { JobStore } from "../store/job-store.ts";
import { beginOrigin, type EventOrigins } from "./event-origins.ts";
import { forgottenEventSetting } from "./forget.ts";

/** A place among the events: behind number `after`, told by the start `origin` of the server. */
export type EventPlace = {
  readonly origin: string;
  readonly after: number;
  /** False when what followed the last event seen can no longer be told: what is known of jobs may be out of date. */
  readonly isUnbroken: boolean;
};

export type EventTail = {
  /** Before anything is written by this start of the server. */
  begin(): Promise<void>;
  /** Where to go on for who saw the event `lastId` last; for null it is from now on. */
  place(lastId: string | null): Promise<EventPlace>;
  /** Committed events behind a number, oldest first; none when there are none yet. */
  read(after: number, limit: number): Promise<readonly StoredEvent[]>;
  /** Calls with new events until the returned function is called. What is read from now on is covered by calls. */
  watch(call: (events: readonly StoredEvent[]) => void): Promise<() => void>;
  /** Something was written. Cheap; returns at once. */
  wake(): void;
};

export type EventTailDeps = {
  readonly jobs: JobStore;
  readonly makeId: MakeId;
  readonly carryOut: (work: Promise<unknown>) => void;
};

/** The id under which an event is told: a number alone would also fit another database. */
export function toEventId({ origin }: EventPlace, seq: number): string {
  return `${origin}-${seq}`;
}

export function createEventTail({ jobs, makeId, carryOut }: EventTailDeps): EventTail {
  const calls = new Set<(events: readonly StoredEvent[]) => void>();
  let kept: readonly StoredEvent[] = [];
  /** All committed events behind `floor` up to `top` are kept; null while nobody listens. */
  let floor = 0;
  let top: number | null = null;
  let isAwake = false;
  let isReading = false;
  let origins: EventOrigins | null = null;

  const listen = async () => {
    if (top !== null) return;
    const last = await jobs.lastEventSeq();
    if (top === null) [floor, top, kept] = [last, last, []];
  };

  const readOn = async () => {
    try {
      while (isAwake && top !== null && calls.size > 0) {
        isAwake = false;
        const from: number = top;
        const events = await jobs.events(from, pageSizeMax);
        // Everybody left meanwhile, and somebody new came: what was read may lie before where that one began.
        if (top !== from) isAwake = true;
        if (top !== from) continue;
        if (events.length === pageSizeMax) isAwake = true;
        keep(events);
        if (events.length > 0) for (const call of calls) call(events);
      }
    } finally {
      isReading = false;
    }
  };

  const keep = (events: readonly StoredEvent[]) => {
    if (top === null) return;
    const all = [...kept, ...events];
    const excess = Math.max(all.length - eventTailCountMax, 0);
    floor = all[excess - 1]?.seq ?? floor;
    kept = all.slice(excess);
    top = events.at(-1)?.seq ?? top;
  };

  const wake = () => {
    isAwake = true;
    if (isReading || calls.size === 0 || top === null) return;
    isReading = true;
    carryOut(readOn());
  };

  const leave = (call: (events: readonly StoredEvent[]) => void) => {
    calls.delete(call);
    if (calls.size === 0) [top, kept] = [null, []];
  };

  return {
    async begin() {
      origins = await beginOrigin(jobs, makeId().slice(-12));
    },
    async place(lastId) {
      assert(origins !== null, "events are told of a server that was started");
      const newest = await jobs.lastEventSeq();
      const { current: origin } = origins;
      if (lastId === null) return { origin, after: newest, isUnbroken: true };
      const seq = origins.seqOf(lastId);
      const forgotten = Number((await jobs.setting(forgottenEventSetting)) ?? "0");
      const isKnown =
        seq !== null && seq >= forgotten && seq <= newest && newest - seq <= eventReplayCountMax;
      return { origin, after: isKnown ? seq : newest, isUnbroken: isKnown };
    },
    async read(after, limit) {
      if (top === null || after < floor) return jobs.events(after, limit);
      if (after >= top) return [];
      const first = firstBehind(kept, after);
      return kept.slice(first, first + limit);
    },
    async watch(call) {
      calls.add(call);
      try {
        await listen();
      } catch (error) {
        leave(call);
        throw error;
      }
      wake();
      return () => leave(call);
    },
    wake,
  };
}

/** The index of the first event with a larger number. Numbers grow, so halving finds it. */
function firstBehind(events: readonly StoredEvent[], after: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.seq ?? Infinity) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
