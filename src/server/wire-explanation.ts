// The broker's explanation in the shape that travels.

import type { Explanation } from "../broker/explain.ts";
import type { Instant, Job } from "../domain/job.ts";
import type { WireExplanation, WireInstant } from "../protocol/http-api.ts";
import { toWireInstant } from "./instants.ts";
import { toTypeName } from "./wire.ts";

export function toWireExplanation(explained: Explanation & { readonly job: Job }): WireExplanation {
  const { job, summary, reasons, queue, workers } = explained;
  return {
    job: job.seq,
    id: job.id,
    key: job.key,
    type: toTypeName(job.type),
    status: job.status,
    summary,
    reasons: reasons.map(({ code, text, remedy, until }) => {
      return { code, text, remedy, until: toWire(until) };
    }),
    queue: queue === null ? null : { before: queue.before, is_capped: queue.isCapped },
    workers: workers.map(({ connection, worker, code, isFit, text, until }) => {
      const { id, name } = worker;
      return { connection, id, name, code, is_fit: isFit, text, until: toWire(until) };
    }),
  };
}

function toWire(at: Instant | null): WireInstant | null {
  return at === null ? null : toWireInstant(at);
}
