// The numbers that the store gives: of jobs, events and blobs. Counted in memory, written once per commit,
// never given twice, not even after the newest row was deleted or the server was restarted. With them the bytes
// of all blobs that stand.

import type { Statements } from "./statements.ts";

export type Counters = {
  /** The number the next job would get. It is taken only by `takeJob`. */
  peekJob(): number;
  takeJob(): number;
  takeEvent(): number;
  lastEvent(): number;
  peekBlob(): number;
  takeBlob(): number;
  /** A blob came, or went when it is negative. */
  addBytes(size: number): void;
  bytesKept(): number;
  /** Writes what was taken, inside the transaction that took it. */
  persist(): void;
  /** Reads what stands in the database, after a rollback. */
  reload(): void;
};

export function createCounters(statements: Statements): Counters {
  let last = read();
  let isDirty = false;

  function read() {
    const row = statements.counters.get({});
    return row === null ? { job: 0, event: 0, blob: 0, bytes: 0 } : { ...row };
  }

  function take(name: "job" | "event" | "blob"): number {
    isDirty = true;
    return (last[name] += 1);
  }

  return {
    peekJob: () => last.job + 1,
    takeJob: () => take("job"),
    takeEvent: () => take("event"),
    lastEvent: () => last.event,
    peekBlob: () => last.blob + 1,
    takeBlob: () => take("blob"),
    addBytes: (size) => {
      isDirty = true;
      last.bytes += size;
    },
    bytesKept: () => last.bytes,
    persist: () => {
      if (isDirty) statements.updateCounters.run(last);
      isDirty = false;
    },
    reload: () => {
      last = read();
      isDirty = false;
    },
  };
}
