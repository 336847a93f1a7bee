// Planted bugs. Each changes one thing that the broker relies upon or that is said to it, and names the
// promises of which one must be seen to break: a simulation that finds nothing here would prove nothing.

import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { BlobStore } from "../../src/blobs/blob-store.ts";
import type { Conversation } from "../../src/agent/conversation/conversation.ts";
import type {
  Broker,
  ClassicConnection,
  ClassicSocket,
  WorkerConnection,
  WorkerSocket,
} from "../../src/broker/broker.ts";
import type { Job } from "../../src/domain/job.ts";
import type { Clock } from "../../src/platform/clock.ts";
import type { Change, JobStore, Saved } from "../../src/store/job-store.ts";
import type { Staged } from "../../src/broker/staged.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import { v2Mutants } from "./v2-mutants.ts";

export type MutantWorld = {
  readonly scheduler: Scheduler;
  /** What is durable, whatever happens to the server. */
  readonly platter: { readonly jobs: JobStore; readonly blobs: BlobStore };
  /** What a bug remembers over all lives of the server. */
  readonly memory: Map<string, string>;
  /** Calls when the server is killed or stopped. */
  readonly onEnd: (call: () => void) => void;
};

export type Mutant = {
  readonly name: string;
  readonly breaks: readonly string[];
  /** What of the world lets it show sooner. */
  readonly knobs?: Partial<Knobs>;
  readonly jobs?: (jobs: JobStore, world: MutantWorld) => JobStore;
  readonly blobs?: (blobs: BlobStore, world: MutantWorld) => BlobStore;
  readonly clock?: (clock: Clock) => Clock;
  /** What the collector is told of bytes on their way. */
  readonly staged?: (staged: Staged) => Staged;
  readonly broker?: (broker: Broker) => Broker;
  readonly attach?: (broker: Broker, socket: ClassicSocket) => ClassicConnection;
  readonly attachWorker?: (
    broker: Broker,
    socket: WorkerSocket,
    world: MutantWorld,
  ) => WorkerConnection;
  /** The worker's end of v2. */
  readonly conversation?: (conversation: Conversation) => Conversation;
};

/** A pending job in place of what it is. */
function asPending(job: Job): Job {
  return { ...job, status: "pending", readyAt: 0, held: false };
}

const acknowledgesAdds: Mutant = {
  name: "a submission is acknowledged before its commit",
  breaks: ["I1", "R-12"],
  jobs: (jobs, { platter }) => ({
    ...jobs,
    async add(added) {
      const [newest] = (
        await platter.jobs.list({ filter: {}, order: "newest", limit: 1, after: null })
      ).items;
      const isTaken = (await platter.jobs.find({ by: "key", key: added[0]!.key })) !== null;
      if (isTaken) return jobs.add(added);
      jobs.add(added).catch(() => {});
      return [{ kind: "added", seq: (newest?.seq ?? 0) + 1, batch: 0, spare: null }];
    },
  }),
};

const acknowledgesSaves: Mutant = {
  name: "a change is acknowledged before its commit",
  breaks: ["I1"],
  jobs: (jobs) => ({
    ...jobs,
    async save(changes) {
      jobs.save(changes).catch(() => {});
      return changes.map((): Saved => ({ kind: "saved", spare: null, successor: null }));
    },
  }),
};

const ignoresRevisions: Mutant = {
  name: "a save ignores the revision it was decided on",
  breaks: ["I2", "I3", "I4", "I5", "I6"],
  jobs: (jobs) => {
    const force = async (change: Change): Promise<Saved> => {
      const [saved] = await jobs.save([change]);
      if (saved!.kind === "saved") return saved!;
      const standing = await jobs.find({ by: "seq", seq: change.job.seq });
      if (standing === null) return saved!;
      const from = standing.revision;
      return force({ ...change, from, job: { ...change.job, revision: from + 1 } });
    };
    return { ...jobs, save: (changes) => Promise.all(changes.map(force)) };
  },
};

const forgetsCompletions: Mutant = {
  name: "a second completion overwrites the first",
  breaks: ["I3", "I4"],
  jobs: (jobs) => ({
    ...jobs,
    async find(ref) {
      const job = await jobs.find(ref);
      return ref.by === "seq" && job?.status === "done" ? asPending(job) : job;
    },
  }),
};

const ignoresLosses: Mutant = {
  name: "a lost connection is not noticed",
  breaks: ["stuck", "I13", "I14"],
  attach(broker, socket) {
    const connection = broker.attachClassic(socket);
    return {
      isRegistered: false,
      text: connection.text,
      bytes: connection.bytes,
      closed: () => {},
    };
  },
};

const addsSuccessorsTwice: Mutant = {
  name: "a successor is added twice",
  breaks: ["I10"],
  jobs: (jobs) => ({
    ...jobs,
    async save(changes) {
      const saved = await jobs.save(changes);
      const [successor] = changes.flatMap((change) => change.successor ?? []);
      if (successor !== undefined && saved[0]?.kind === "saved") {
        const id = successor.id.replace(/^./, "f");
        const inline = await jobs.inline(successor.payload);
        const payload = { ...successor.payload, inline };
        await jobs.add([{ ...successor, id, key: id, payload }]).catch(() => {});
      }
      return saved;
    },
  }),
};

const leavesOpenAttempts: Mutant = {
  name: "attempts of the last run are left open",
  breaks: ["stuck", "due"],
  jobs: (jobs) => ({
    ...jobs,
    list: async (query) =>
      query.filter.status === "running" ? { items: [], next: null } : jobs.list(query),
  }),
};

const claimsTwice: Mutant = {
  name: "a running job is given out again",
  breaks: ["I2", "I6"],
  jobs: (jobs) => ({
    ...jobs,
    async ready(query) {
      const ready = await jobs.ready(query);
      const filter = { status: "running", type: query.shapes[0]!.type } as const;
      const running = await jobs.list({ filter, order: "oldest", limit: 1, after: null });
      return [...ready, ...running.items.map(asPending)];
    },
  }),
};

const namesBytesEarly: Mutant = {
  name: "bytes are named before they are durable",
  breaks: ["I9", "I2"],
  blobs(blobs, { scheduler, platter, onEnd }) {
    const unsynced = new Set<string>();
    onEnd(() => {
      for (const name of unsynced) scheduler.finish(platter.blobs.delete(name));
    });
    return {
      ...blobs,
      async put(bytes, sizeBytesMax) {
        const ref = await blobs.put(bytes, sizeBytesMax);
        unsynced.add(ref.name);
        scheduler.after(500, () => unsynced.delete(ref.name));
        return ref;
      },
    };
  },
};

const freesTooMuch: Mutant = {
  name: "a deletion frees bytes that others use",
  breaks: ["I9", "I2"],
  jobs: (jobs) => ({
    ...jobs,
    async remove(removals) {
      const job = await jobs.find({ by: "seq", seq: removals[0]!.seq });
      const removed = await jobs.remove(removals);
      if (job === null || removed[0]?.kind !== "removed") return removed;
      const contents = job.status === "done" ? [job.payload, job.result] : [job.payload];
      const freed = contents.map(({ name }) => name).filter((name) => name !== "");
      return [{ kind: "removed", freed }];
    },
  }),
};

const losesTimers: Mutant = {
  name: "one timer in four does not ring",
  breaks: ["I13", "due", "GL-25", "stuck"],
  clock(clock) {
    let count = 0;
    return {
      ...clock,
      after(ms, call) {
        count += 1;
        return count % 4 === 0 && ms > 100 ? { cancel: () => {} } : clock.after(ms, call);
      },
    };
  },
};

const forgesReadiness: Mutant = {
  name: "a worker with a job is taken for free",
  breaks: ["I12", "GL-32"],
  attach(broker, socket) {
    const ready = '{"code":1,"status":1}';
    const connection = broker.attachClassic({
      ...socket,
      sendText: (text) => socket.sendText(text),
      sendBytes(bytes) {
        const isSent = socket.sendBytes(bytes);
        queueMicrotask(() => {
          connection.text(ready);
          connection.text(ready);
        });
        return isSent;
      },
    });
    return connection;
  },
};

const mixesResults: Mutant = {
  name: "a result is another than the worker sent",
  breaks: ["I3"],
  attach(broker, socket) {
    const connection = broker.attachClassic(socket);
    return {
      isRegistered: false,
      text: connection.text,
      closed: connection.closed,
      bytes: (bytes) => connection.bytes(bytes.length > 100 ? bytes.slice(1) : bytes),
    };
  },
};

const givesOldestLast: Mutant = {
  name: "jobs are given out in the wrong order",
  breaks: ["order"],
  jobs: (jobs) => ({
    ...jobs,
    async ready(query) {
      const shapes = query.shapes.map((shape) => ({ ...shape, limit: 1_000 }));
      return (await jobs.ready({ ...query, shapes })).toReversed();
    },
  }),
};

const limitsEachTypeAlone: Mutant = {
  name: "the limit of a group is forgotten once its jobs are ready",
  breaks: ["group", "R-12"],
  jobs: (jobs) => ({
    ...jobs,
    ready: async (query) =>
      (await jobs.ready(query)).map((job) => {
        return { ...job, options: { ...job.options, groupRunningMax: null } };
      }),
  }),
};

const reusesTokens: Mutant = {
  name: "a token is used again",
  breaks: ["I5"],
  jobs: (jobs) => ({
    ...jobs,
    save: (changes) => jobs.save(changes.map(withWornToken)),
  }),
};

const neverFreesBytes: Mutant = {
  name: "bytes that nobody needs stay for ever",
  breaks: ["garbage"],
  blobs: (blobs) => ({ ...blobs, delete: async () => {} }),
};

const sweepsTooMuch: Mutant = {
  name: "the collector takes bytes in use for garbage",
  breaks: ["I9", "I2", "L11"],
  jobs: (jobs) => ({ ...jobs, usesBlob: async () => false }),
};

const sweepsTooSoon: Mutant = {
  name: "the collector takes bytes on their way for garbage",
  breaks: ["I9", "I2", "L11"],
  knobs: { sweepMs: 200, smallBlobBytesMax: 0 },
  staged: (staged) => ({ ...staged, isHeld: () => false, mark: () => () => true }),
};

const forgetsWords: Mutant = {
  name: "a claim that is made again gets another job",
  breaks: ["claim"],
  broker: (broker) => ({
    ...broker,
    pull: (request, stop) => broker.pull({ ...request, claim: null }, stop),
  }),
};

const promisesTooMuch: Mutant = {
  name: "a result is called committed before it is",
  breaks: ["verdict"],
  broker: (broker) => ({
    ...broker,
    async openWork(ref, attempt, token) {
      const work = await broker.openWork(ref, attempt, token);
      const complete: typeof work.complete = async (result) => {
        work.complete(result).catch(() => {});
        return "committed";
      };
      return { ...work, complete };
    },
  }),
};

function withWornToken(change: Change): Change {
  const { job } = change;
  if (change.attempt === null || job.attempt === null) return change;
  const tokenHash = Uint8Array.fromHex(sha256Hex(new TextEncoder().encode(job.attempt.worker.id)));
  const attempt = { ...change.attempt, tokenHash };
  return { ...change, attempt, job: { ...job, attempt } };
}

export const mutants: readonly Mutant[] = [
  acknowledgesAdds,
  acknowledgesSaves,
  ignoresRevisions,
  forgetsCompletions,
  ignoresLosses,
  addsSuccessorsTwice,
  leavesOpenAttempts,
  claimsTwice,
  namesBytesEarly,
  freesTooMuch,
  losesTimers,
  forgesReadiness,
  mixesResults,
  givesOldestLast,
  limitsEachTypeAlone,
  reusesTokens,
  neverFreesBytes,
  sweepsTooMuch,
  sweepsTooSoon,
  forgetsWords,
  promisesTooMuch,
  ...v2Mutants,
];
