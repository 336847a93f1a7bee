// What a campaign must have seen happen: a simulation in which a fault never struck shows nothing about it.

const faults = [
  ...["kill-drop", "kill-keep", "kill-part", "kill-while-booting", "stop", "stop-and-kill"],
  ...["broken", "cut", "partition", "low", "full", "jump", "answer-lost", "not-sent"],
  ...["blob-open", "blob-delete"],
];
const workers = [
  ...["connected", "ends", "fail", "forget", "silent", "vanish", "garbage", "twice", "early-end"],
  ...["die", "late", "busy-on-its-own", "hangs-up-idle", "wrong-token", "mute", "stranger"],
];
const pullers = [
  ...["took", "asked-again", "tells-again", "abandons", "fail", "release", "slow", "vanish"],
  ...["told-committed", "told-superseded", "told-abandon", "wrong-token"],
];
const clients = [
  ...["submitted", "submitted-again", "replayed", "other-bytes", "fetched", "looked", "overview"],
  ...["cancel-ok", "retry-ok", "hold-ok", "unhold-ok", "delete-ok", "wait-ok", "kick"],
  ...["submit-unknown", "delete-refused", "retry-refused"],
];
const events = [
  ...["submitted", "claimed", "completed", "failed", "timed_out", "lost", "not_delivered"],
  ...["released", "cancelled", "retried", "expired", "held", "unheld", "deleted"],
];
const news = [
  "attempts.adopted",
  "worker.quarantined",
  "job.result_not_stored",
  "clock.jumped",
  "blobs.swept",
];

const demanded: readonly string[] = [
  ...faults.map((name) => `fault.${name}`),
  ...workers.map((name) => `worker.${name}`),
  ...pullers.map((name) => `puller.${name}`),
  ...clients.map((name) => `client.${name}`),
  ...news.map((name) => `log.${name}`),
  ...events.map((name) => `event.${name}`),
  ...["closed.1008", "closed.1013", "closed.4400", "closed.4401"],
  "group.full",
];

/** Kinds of steps and faults that must happen in a campaign, and did not. */
export function missingKinds(counts: ReadonlyMap<string, number>): readonly string[] {
  return demanded.filter((kind) => !counts.has(kind));
}

/** Adds what one run counted to what a campaign did. */
export function addCounts(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [kind, count] of counts) sums.set(kind, (sums.get(kind) ?? 0) + count);
}
