// What a campaign must have seen happen: a simulation in which a fault never struck shows nothing about it.

/** By the first part of their names, so that each line is about one kind of actor. */
const demanded: Readonly<Record<string, string>> = {
  fault:
    "kill-drop kill-keep kill-part kill-while-booting stop stop-and-kill broken cut partition low full " +
    "jump answer-lost not-sent blob-open blob-delete",
  worker:
    "connected ends fail forget silent vanish garbage twice early-end die late busy-on-its-own " +
    "hangs-up-idle wrong-token mute stranger",
  v2:
    "verdict-continue verdict-deliver verdict-abandon verdict-cancel cancel-cancelled cancel-timeout " +
    "cancel-superseded receipt-committed receipt-abandon refused-disk-low bye-restart " +
    "bye-replaced bye-kicked drained told-drain told-undrain said-release said-ended said-fail said-started " +
    "said-progress came-back-without lost restored renewed wrong-token downloaded uploaded-committed left die " +
    "gave-up nothing-heard harm-kill harm-drain harm-squeeze harm-cut harm-hang-up harm-lose-to-server " +
    "harm-lose-to-worker harm-unplug harm-stall harm-clog harm-clone harm-twin run-overrun run-hopeless",
  result: "late first",
  puller:
    "took asked-again tells-again abandons fail release slow vanish told-committed told-superseded " +
    "told-abandon wrong-token",
  client:
    "submitted submitted-again replayed other-bytes fetched looked overview cancel-ok retry-ok hold-ok " +
    "unhold-ok delete-ok wait-ok kick submit-unknown delete-refused retry-refused",
  event:
    "submitted claimed completed failed timed_out lost not_delivered released cancelled retried expired " +
    "held unheld deleted reopened",
  log: "attempts.adopted worker.quarantined job.result_not_stored job.report_waits clock.jumped blobs.swept",
  closed: "1008 1012 1013 4400 4401 4403 4409 4410",
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
