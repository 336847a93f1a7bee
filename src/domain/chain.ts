// Chains: the result of one type is the payload of the next. No bytes move: the successor refers to the same blob.

import { noOptions, type DoneJob, type Instant, type JobId, type NewJob } from "./job.ts";
import type { JobType } from "./job-type.ts";
import { keyBytesMax } from "./limits.ts";

/**
 * The job that a finished job's type wants next, or null. Its key is `<parent key>/<type>`; when that is too
 * long its id serves (the store does the same when the key is taken).
 */
export function successorOf(done: DoneJob, type: JobType, id: JobId, at: Instant): NewJob | null {
  if (type.resultBecomes === null) return null;
  const key = `${done.key}/${type.resultBecomes}`;
  return {
    id,
    key: new TextEncoder().encode(key).length <= keyBytesMax ? key : id,
    type: type.resultBecomes,
    priority: done.priority,
    payload: { ...done.result, inline: null },
    description: done.description,
    labels: done.labels,
    group: done.group,
    // The limit is one of the group, and the group is the same. What the parent required was for its own type.
    options: { ...noOptions, groupRunningMax: done.options.groupRunningMax },
    fromId: done.id,
    submittedAt: at,
  };
}

/** A circle among the types, as the names passed on the way round, or null. */
export function findCircle(next: ReadonlyMap<string, string | null>): readonly string[] | null {
  for (const start of next.keys()) {
    const path = [start];
    for (let name = next.get(start) ?? null; name !== null; name = next.get(name) ?? null) {
      if (name === start) return [...path, start];
      if (path.includes(name)) break; // A circle further on is found from one of its own members.
      path.push(name);
    }
  }
  return null;
}
