// The job store as one life of the simulated server sees it: reads and writes take their roads, and moves that are told
// before their commit are seen by readers at once, as the store promises; the platter has them with the commit.

import type { Job, JobSeq } from "../../src/domain/job.ts";
import type { Change, JobStore, ReadyQuery, Removal, Saved } from "../../src/store/job-store.ts";

export type JobRoads = {
  readonly read: <T>(look: () => Promise<T>) => Promise<T>;
  readonly write: <T>(apply: () => Promise<T>) => Promise<T>;
  /** Writes with the next commit that succeeds; nobody waits for it. */
  readonly promise: (
    job: Pick<Job, "seq" | "revision">,
    apply: () => Promise<void>,
    settle: () => void,
  ) => Promise<void>;
};

/** Every other verb reads. */
const writingVerbs: readonly (keyof JobStore)[] = [
  ...(["add", "save", "remove", "declareTypes", "noteWorkers", "setSetting"] as const),
  "forgetEvents",
];

export function mountJobs(platter: JobStore, roads: JobRoads): JobStore {
  const { read, write } = roads;
  const mounted: Record<string, unknown> = {};
  for (const name of Object.keys(platter) as (keyof JobStore)[]) {
    const verb = platter[name] as (...given: readonly unknown[]) => Promise<unknown>;
    const road = writingVerbs.includes(name) ? write : read;
    mounted[name] = (...given: readonly unknown[]) => road(() => verb(...given));
  }
  const jobs = mounted as unknown as JobStore; // It has the verbs of the platter.
  return { ...jobs, ...mountSoon(platter, jobs, roads), close: async () => {} };
}

type Soon = Pick<JobStore, "find" | "ready" | "save" | "saveSoon" | "remove">;

function mountSoon(platter: JobStore, jobs: JobStore, { read, promise }: JobRoads): Soon {
  /** Moves on their way, by job; the newest of each. */
  const movedBySeq = new Map<JobSeq, Job>();
  /** Writes on their way that are judged by their commit alone. */
  const queuedBySeq = new Map<JobSeq, number>();

  const asMoved = (job: Job | null) => (job === null ? null : (movedBySeq.get(job.seq) ?? job));
  const counted = async <T>(seqs: readonly JobSeq[], writing: Promise<T>): Promise<T> => {
    const count = (by: 1 | -1) => {
      for (const seq of seqs) queuedBySeq.set(seq, (queuedBySeq.get(seq) ?? 0) + by);
    };
    count(1);
    try {
      return await writing;
    } finally {
      count(-1);
    }
  };
  const save = (changes: readonly Change[]) =>
    counted(
      changes.map(({ job }) => job.seq),
      jobs.save(changes),
    );

  return {
    save,
    find: (ref) => read(async () => asMoved(await platter.find(ref))),
    ready: (query) => read(() => readyBut(platter, query, movedBySeq)),
    remove: (removals: readonly Removal[]) =>
      counted(
        removals.map(({ seq }) => seq),
        jobs.remove(removals),
      ),
    async saveSoon(change, onDurable): Promise<Saved> {
      const { seq, revision } = change.job;
      const standing = await platter.find({ by: "seq", seq });
      if ((queuedBySeq.get(seq) ?? 0) > 0) {
        const [saved] = await save([change]).finally(onDurable);
        return saved!;
      }
      if (asMoved(standing)?.revision !== change.from) return { kind: "conflict" };
      movedBySeq.set(seq, change.job);
      const apply = async () => void (await platter.save([change]));
      await promise({ seq, revision }, apply, () => {
        if (movedBySeq.get(seq)?.revision === revision) movedBySeq.delete(seq);
        onDurable();
      });
      return { kind: "saved", spare: null, successor: null };
    },
  };
}

/** What is ready without those that are on their way to a worker. */
async function readyBut(
  platter: JobStore,
  query: ReadyQuery,
  movedBySeq: ReadonlyMap<JobSeq, Job>,
): Promise<readonly Job[]> {
  const more = movedBySeq.size;
  if (more === 0) return platter.ready(query);
  const shapes = query.shapes.map((shape) => ({ ...shape, limit: shape.limit + more }));
  const ready = await platter.ready({ ...query, shapes, limit: query.limit + more });
  const leftByType = new Map(query.shapes.map(({ type }) => [type, query.limit]));
  return ready.filter(({ seq, type }) => {
    const left = movedBySeq.has(seq) ? 0 : (leftByType.get(type) ?? 0);
    if (left > 0) leftByType.set(type, left - 1);
    return left > 0;
  });
}
