// Virtual time: one queue of events, ordered by instant and then by when they were asked for. Between two
// events everything that can run without time passing does run, so a run is decided by its seed alone.

export type Entry = { cancel(): void };

export type Scheduler = {
  nowMs(): number;
  /** Calls once after `ms` of virtual time. */
  after(ms: number, call: () => void): Entry;
  sleep(ms: number): Promise<void>;
  /** The event under way lasts until this promise is settled: for work that takes turns but no time. */
  finish(work: Promise<void>): void;
  /** Carries out the next event; false when there is none. */
  step(): Promise<boolean>;
  eventCount(): number;
};

type Event = {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
  isCancelled: boolean;
};

/** Events without time passing beyond which something turns on the spot. */
const eventsPerInstantMax = 20_000;

export function createScheduler(onSpin: () => void): Scheduler {
  const heap = createHeap();
  const unfinished: Promise<void>[] = [];
  let now = 0;
  let order = 0;
  let eventCount = 0;
  let eventsAtInstant = 0;

  const after = (ms: number, call: () => void): Entry => {
    const event: Event = {
      at: now + Math.max(Math.ceil(ms), 0),
      order: order++,
      call,
      isCancelled: false,
    };
    heap.push(event);
    return { cancel: () => void (event.isCancelled = true) };
  };

  return {
    nowMs: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    finish: (work) => void unfinished.push(work),
    async step() {
      const event = heap.pop();
      if (event === null) return false;
      if (event.isCancelled) return true;
      eventsAtInstant = event.at === now ? eventsAtInstant + 1 : 0;
      if (eventsAtInstant > eventsPerInstantMax) onSpin();
      now = event.at;
      eventCount += 1;
      event.call();
      await drain();
      while (unfinished.length > 0) {
        await Promise.all(unfinished.splice(0));
        await drain();
      }
      return true;
    },
    eventCount: () => eventCount,
  };
}

/** Lets every promise that can settle now do so. */
function drain(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function createHeap() {
  const events: Event[] = [];
  const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

  const sift = (from: number) => {
    const moving = events[from]!;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= events.length) break;
      const right = left + 1;
      const least = right < events.length && isBefore(events[right]!, events[left]!) ? right : left;
      if (!isBefore(events[least]!, moving)) break;
      events[at] = events[least]!;
      at = least;
    }
    events[at] = moving;
  };

  return {
    push(event: Event) {
      let at = events.push(event) - 1;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!isBefore(event, events[parent]!)) break;
        events[at] = events[parent]!;
        at = parent;
      }
      events[at] = event;
    },
    pop(): Event | null {
      const first = events[0];
      if (first === undefined) return null;
      const last = events.pop()!;
      if (events.length > 0) {
        events[0] = last;
        sift(0);
      }
      return first;
    },
  };
}
