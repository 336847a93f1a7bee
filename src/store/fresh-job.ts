// A job as it is right after it was added: what both providers begin with.

import { firstReadyAt, type Job, type JobFacts } from "../domain/job.ts";

export function freshJob(facts: JobFacts): Job {
  return {
    ...facts,
    revision: 0,
    attempt: null,
    failures: 0,
    crashes: 0,
    penalty: 0,
    retriedAfter: 0,
    avoid: [],
    changedAt: facts.submittedAt,
    info: null,
    status: "pending",
    readyAt: firstReadyAt(facts),
    held: facts.options.hold,
  };
}
