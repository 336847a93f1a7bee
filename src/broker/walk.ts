// Walks over many jobs in the order they came, page by page, so that neither memory nor the time between two turns
// of the event loop grows with them. Jobs that come while it walks are not met: it would never end.

import type { Job, JobSeq, Status } from "../domain/job.ts";
import { walkPageSize } from "../domain/limits.ts";
import { atEndOfTurn } from "../platform/turn.ts";
import type { JobFilter, JobStore } from "../store/job-store.ts";

/** The part of all jobs that a walk covers: numbers above `after`, up to `until`. */
export type Stretch = { readonly after: JobSeq | null; readonly until: JobSeq };

/** Jobs of one page that fit; `last` is the number behind which the next page begins. */
export type Stride = { readonly jobs: readonly Job[]; readonly last: JobSeq };

export type Wanted = {
  readonly filter: JobFilter;
  /** Narrows the filter's status to several, or is left out. */
  readonly statuses?: readonly Status[];
};

/** All jobs that stand now. */
export async function wholeStretch(jobs: JobStore): Promise<Stretch> {
  const newest = await jobs.list({ filter: {}, order: "newest", limit: 1, after: null });
  return { after: null, until: newest.items[0]?.seq ?? 0 };
}

export async function* walk(
  store: JobStore,
  wanted: Wanted,
  { after: start, until }: Stretch,
): AsyncGenerator<Stride, void, void> {
  const { filter, fits } = toSearch(wanted);
  for (let after: JobSeq | null = start; ;) {
    const page = await store.list({ filter, order: "oldest", limit: walkPageSize, after });
    const inside = page.items.filter(({ seq }) => seq <= until);
    const last = inside.at(-1)?.seq ?? null;
    if (last !== null) yield { jobs: inside.filter(fits), last };
    if (page.next === null || last === null || inside.length < page.items.length) return;
    after = page.next;
    await turn(); // A store that answers from memory or a file gives nobody else a chance to run.
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => atEndOfTurn(resolve));
}

/**
 * A group is searched whole and its statuses are told apart here: the search for the few jobs of one status among
 * many of a group would look at all of them in one go.
 */
function toSearch({ filter, statuses }: Wanted) {
  const { status, ...rest } = filter;
  const isFit = (job: Job) => statuses === undefined || statuses.includes(job.status);
  if (filter.group === undefined || status === undefined) return { filter, fits: isFit };
  return { filter: rest, fits: (job: Job) => job.status === status && isFit(job) };
}
