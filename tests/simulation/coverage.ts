// What a campaign must have seen happen: a simulation in which a fault never struck shows nothing about it.

/** By the first part of their names, so that each line is about one kind of actor. */
const demanded: Readonly<Record<string, string>> = {
  fault:
    "kill-drop kill-keep kill-part kill-while-booting stop stop-and-kill broken cut partition low full " +
    "jump answer-lost not-sent blob-open blob-delete",
  worker:
    "connected ends fail forget silent vanish garbage twice early-end die late busy-on-its-own " +
    "hangs-up-idle wrong-token mute stranger",
  puller:
    "took asked-again tells-again abandons fail release slow vanish told-committed told-superseded " +
    "told-abandon wrong-token",
  client:
    "submitted submitted-again replayed other-bytes fetched looked overview cancel-ok retry-ok hold-ok " +
    "unhold-ok delete-ok wait-ok kick submit-unknown delete-refused retry-refused",
  event:
    "submitted claimed completed failed timed_out lost not_delivered released cancelled retried expired " +
    "held unheld deleted",
  log: "attempts.adopted worker.quarantined job.result_not_stored job.report_waits clock.jumped blobs.swept",
  closed: "1008 1013 4400 4401",
};

/** Kinds of steps and faults that must happen in a campaign, and did not. */
export function missingKinds(counts: ReadonlyMap<string, number>): readonly string[] {
  const kinds = Object.entries(demanded).flatMap(([actor, names]) =>
    names.split(" ").map((name) => `${actor}.${name}`),
  );
  return kinds.filter((kind) => !counts.has(kind));
}

/** Adds what one run counted to what a campaign did. */
export function addCounts(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [kind, count] of counts) sums.set(kind, (sums.get(kind) ?? 0) + count);
}
