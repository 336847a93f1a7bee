// Many jobs on their way in: small ones together by the bulk route, others alone, a bound of requests at a time.
// A server without the bulk route gets them all one by one. Each has a key, so whatever stays unknown is sent again.

import { createBatches, sendBatch, type BulkRoute, type Item, type Sent } from "./bulk.ts";
import type { NewJob, SubmitOutcome } from "./bulk.ts";
import { ClientError, isGeneral } from "./client-error.ts";
import { createGathering } from "./gather.ts";
import type { CallOptions } from "./jobs.ts";
import { createLeash } from "./leash.ts";
import type { Transport } from "./request.ts";
import { requireConcurrency } from "./results.ts";
import { makeKey, submit } from "./submit.ts";
import { createSupply } from "./supply.ts";

export type SubmitManyOptions = CallOptions & {
  /** Requests at a time. */
  readonly concurrency?: number;
};

/** Outcomes come in the order of the answers. Ends with an error when that concerns more than one job. */
export async function* submitMany(
  transport: Transport,
  route: BulkRoute,
  jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
  options: SubmitManyOptions,
): AsyncGenerator<SubmitOutcome, void, undefined> {
  const concurrency = requireConcurrency(options.concurrency);
  const leash = createLeash(transport.runtime, options.signal);
  const source = createSupply(jobs);
  const gathering = createGathering<"pulled" | Sent>();
  const batches = createBatches();
  const alone: Item[] = [];
  let index = 0;
  let sending = 0;

  const nextWork = (): Promise<Sent> | null => {
    const former = alone.shift();
    if (former !== undefined) return sendAlone(transport, former, leash.signal);
    for (;;) {
      const [job] = source.atHand(1);
      if (job === undefined) {
        // While requests are under way a batch may as well wait for more.
        const isTime = sending === 0 || !source.isOpen();
        const batch = isTime ? batches.takeAny() : null;
        return batch === null ? null : sendBatch(transport, route, batch, leash.signal);
      }
      const item = { index, job, key: job.key ?? makeKey(transport.runtime) };
      index += 1;
      if (!route.isOffered || !batches.add(item)) return sendAlone(transport, item, leash.signal);
      const batch = batches.takeFull();
      if (batch !== null) return sendBatch(transport, route, batch, leash.signal);
    }
  };
  try {
    for (;;) {
      while (sending < concurrency) {
        const work = nextWork();
        if (work === null) break;
        sending += 1;
        gathering.start(work);
      }
      if (source.isIdle() && sending < concurrency) {
        gathering.start(source.pull().then(() => "pulled"));
      }
      if (gathering.count() === 0) return;
      const step = await gathering.next();
      if (step === "pulled") continue;
      sending -= 1;
      alone.push(...step.again);
      yield* step.outcomes;
    }
  } finally {
    leash.cut();
    await source.close();
  }
}

async function sendAlone(
  transport: Transport,
  { index, job, key }: Item,
  signal: AbortSignal,
): Promise<Sent> {
  try {
    const { payload, ...options } = job;
    const submitted = await submit(transport, payload, { ...options, key, signal });
    return { outcomes: [{ index, key, ok: true, submitted }], again: [] };
  } catch (error) {
    if (!(error instanceof ClientError) || isGeneral(error)) throw error;
    return { outcomes: [{ index, key, ok: false, error }], again: [] };
  }
}
