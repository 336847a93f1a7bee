// States of `gridlike top` for its tests, of which only what matters is said.

import type { WireGroup, WireStats, WireWorker } from "../../../../src/client/index.ts";
import type { Status } from "../../../../src/domain/job.ts";
import type { Failure, TopState } from "../../../../src/cli/top/state.ts";

const now = "2026-05-04T12:00:00.000Z";
export const nowMs = Temporal.Instant.from(now).epochMilliseconds;

/** The instant so many seconds before (or, negative, after) the moment of the picture. */
export function ago(seconds: number): string {
  return Temporal.Instant.fromEpochMilliseconds(nowMs - seconds * 1000).toString({
    smallestUnit: "millisecond",
  });
}

/** Counts as `[type, status, count]`. */
export function someStats(
  jobs: readonly (readonly [string | null, Status, number])[],
  more: Partial<WireStats> = {},
): WireStats {
  return {
    version: "1.2.3",
    incarnation: 1,
    durability: "power",
    accepting: true,
    jobs: jobs.map(([type, status, count]) => ({ type, status, count })),
    workers: { connected: 0, slots: 0, busy: 0 },
    done_rate: 0,
    repairs: 0,
    disk: null,
    ...more,
  };
}

export function aWorker(name: string, more: Partial<WireWorker> = {}): WireWorker {
  return {
    connection: `w-${name}`,
    id: `id-${name}`,
    name,
    state: "ready",
    protocol: "v2",
    type: null,
    types: [],
    slots: 4,
    resources: null,
    vitals: null,
    machine: null,
    address: "127.0.0.1",
    connected: ago(60),
    first_seen: ago(60),
    last_seen: ago(0),
    done_count: 0,
    failed_count: 0,
    jobs: [],
    ...more,
  };
}

export function someJobs(count: number): WireWorker["jobs"] {
  return Array.from({ length: count }, (_, at) => ({ seq: at + 1, attempt: 1 }));
}

export function aGroup(
  group: string,
  jobs: Partial<WireGroup["jobs"]>,
  more: Partial<WireGroup> = {},
): WireGroup {
  const counts = { pending: 0, running: 0, done: 0, failed: 0, cancelled: 0, ...jobs };
  return {
    group,
    total: Object.values(counts).reduce((sum, count) => sum + count, 0),
    jobs: counts,
    first_submitted: ago(100),
    last_submitted: ago(90),
    done_rate: 0,
    estimated_end: null,
    ...more,
  };
}

export function aFailure(seq: number, more: Partial<Failure> = {}): Failure {
  return {
    seq,
    id: `id-${seq}`,
    key: `job-${seq}`,
    type: null,
    group: null,
    at: ago(seq),
    worker: "closet",
    info: "no such city",
    isFinal: true,
    ...more,
  };
}

export function aTopState(more: Partial<TopState> = {}): TopState {
  return {
    url: "http://closet:7171",
    stats: someStats([]),
    workers: [],
    groups: [],
    failures: [],
    nowMs,
    silentMs: null,
    ...more,
  };
}
