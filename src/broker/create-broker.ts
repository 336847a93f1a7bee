// Puts the parts of the broker together: who listens to which news, who wakes whom, who stops when.

import { backoffMsMax, lostMsMinAfterStart } from "../domain/limits.ts";
import type { Instant } from "../domain/job.ts";
import type { JobType } from "../domain/job-type.ts";
import { placements, type Placement } from "../domain/placement.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Clock } from "../platform/clock.ts";
import { createDueClock } from "../platform/due-clock.ts";
import type { MakeId } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import type { JobStore } from "../store/job-store.ts";
import { removeSettled } from "./act-on-many.ts";
import { adoptOpenAttempts } from "./adopt.ts";
import { createAlarm } from "./alarm.ts";
import type { Broker, Submission } from "./broker.ts";
import { discard, openBytes, stage } from "./bytes.ts";
import { attachClassic } from "./classic-door.ts";
import { createCrew } from "./crew.ts";
import type { DiskWatch } from "./disk-level.ts";
import { couldRunElsewhere } from "./could-run.ts";
import { createDispatcher } from "./dispatch.ts";
import { createEventTail } from "./event-tail.ts";
import { explain } from "./explain.ts";
import { explainFacts } from "./explain-facts.ts";
import { createFeed, type News } from "./feed.ts";
import { createGroupPace } from "./group-pace.ts";
import { createLiveLogs } from "./live-logs.ts";
import { createManyJobs } from "./many-jobs.ts";
import { operate, remove } from "./operate.ts";
import { batch, history, list, requireJob, view, wait, waitForEndOfChain } from "./read.ts";
import { createPullDoor } from "./pull-door.ts";
import { rescue, timeLimitMs } from "./rescue.ts";
import { createRoster, type Seat } from "./roster.ts";
import { submit } from "./submit.ts";
import { createTally } from "./tally.ts";
import { tellWrites } from "./tell-writes.ts";
import { createTrust } from "./trust.ts";
import { createTypeTable } from "./type-table.ts";
import { createWatchBook } from "./watch-book.ts";
import { createWatches } from "./watches.ts";
import { createWorkerDoor } from "./worker-door.ts";
import { createWorks } from "./works.ts";

export type BrokerDeps = {
  readonly jobs: JobStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly log: Log;
  readonly types: readonly JobType[];
  readonly smallBlobBytesMax: number;
  readonly classicBytesMax: number;
  readonly kickAfterMs: number;
  readonly verifyWorkerToken: (token: string) => boolean;
  /** Shown in the statistics. */
  readonly durability: string;
  readonly incarnation: number;
  /** Told to workers; left out where nobody cares. */
  readonly name?: string;
  /** How to choose among free workers; the first of the list when it is left out. */
  readonly placement?: Placement;
  /** Left out where there is no disk that could be full. */
  readonly disk?: DiskWatch;
};

/** The longest wait after a failure: so long it matters that the clock was set back. */
const clockMemoryMs = backoffMsMax * 1.5;

/** While the wall clock is behind the waits, for a quarter of an hour, the alarm rings this often. */
const setBackMs = 1_000;

/** When the store failed while the alarm rang, it rings again after this long. */
const ringAgainMs = 5_000;

/** Counts of workers are written at most this often. */
const tallyMs = 5_000;

export function createBroker(given: BrokerDeps): Broker {
  const { clock, log, makeId } = given;
  const types = createTypeTable(given.types);
  const feed = createFeed({ clock });
  const roster = createRoster();
  const works = createWorks({ log });
  const tail = createEventTail({ jobs: given.jobs, makeId, carryOut: works.carryOut });
  const jobs = tellWrites(given.jobs, tail.wake);
  const trust = createTrust({ clock, log });
  const tally = createTally({ jobs });
  const pace = createGroupPace();
  const logs = createLiveLogs();
  let isAccepting = false;
  let lostMsFirst = 0;

  const deps = {
    ...given,
    placement: given.placement ?? placements[0],
    jobs,
    feed,
    roster,
    logs,
    saidIn: logs.text,
    lostMsFirst: () => lostMsFirst,
    typeOf: types.typeOf,
    carryOut: works.carryOut,
    isStopping: () => !isAccepting,
    dueAt: createDueClock({ clock, log }, clockMemoryMs).dueAt,
    isTrusted: (worker: { readonly id: string }) => !trust.isSetAside(worker.id),
    setAsideMs: (worker: { readonly id: string }) => trust.setAsideMs(worker.id),
    heldJob: (seq: number, attempt: number) => {
      const job = roster.lease(seq)?.job;
      return job?.attempt.n === attempt ? job : null;
    },
    isElsewherePossible: (job: Parameters<typeof couldRunElsewhere>[1]) =>
      couldRunElsewhere(deps, job),
  };
  const dispatcher = createDispatcher(deps);
  const crew = createCrew({ roster, tally, clock, onRoom: dispatcher.wake });
  const alarm = createAlarm(deps, () => works.carryOut(ring()));

  const ring = async () => {
    try {
      const next = await rescue(deps);
      if (next !== null) alarm.by(next);
    } catch (error) {
      alarm.by(deps.dueAt() + ringAgainMs);
      throw error;
    }
    // Waits run ahead of the wall while the clock is set back: deadlines between the two have no timer.
    if (deps.dueAt() > clock.now()) alarm.by(deps.dueAt() + setBackMs);
    const endMs = trust.nextEndMs();
    if (endMs !== null) alarm.by(deps.dueAt() + endMs);
    const connected = new Set(Array.from(roster.seats(), ({ worker }) => worker.id));
    // A worker that pulls has no seat while it works.
    for (const { job } of roster.leases()) connected.add(job.attempt.worker.id);
    dispatcher.wake();
    await tally.flush((id) => connected.has(id));
  };

  const onNews = (news: News) => {
    const { job, event } = news;
    const isOpening = event.change === "claimed" || event.change === "reopened";
    if (event.attempt !== null && !isOpening) roster.drop(job.seq, event.attempt);
    if (job.status !== "running") {
      dropLease(job.seq);
      logs.drop(job.seq);
    }
    tally.note(news);
    const isFailure = event.change === "failed" || event.change === "timed_out";
    const isElsewherePossible = isFailure && couldRunElsewhere(deps, job);
    const until = trust.note(news, isElsewherePossible);
    if (until !== null) alarm.by(until);
    if (event.change === "completed" || event.change === "failed") alarm.by(event.at + tallyMs);
    if (job.status === "running") {
      const limitMs = timeLimitMs(job, types.typeOf(job.type)) ?? Infinity;
      const nearestMs = Math.min(limitMs, job.attempt.leaseMs ?? Infinity);
      if (Number.isFinite(nearestMs)) alarm.by(deps.dueAt() + nearestMs + 1);
    }
    if (job.status === "pending") awaitTimesOf(job.readyAt, job.options.deadline);
    // A worker set aside leaves its jobs to those that avoided them so far.
    const mayBeGiven = job.status === "pending" || news.successor !== null;
    // Its group may have been full, or what it took of its worker may be what another one waits for.
    const isRoomMade = job.group !== null || job.options.requires !== null;
    if (mayBeGiven || (isRoomMade && job.status !== "running") || until !== null) dispatcher.wake();
  };
  const awaitTimesOf = (readyAt: Instant | null, deadline: Instant | null) => {
    if (readyAt !== null && readyAt > 0) alarm.by(readyAt);
    if (deadline !== null) alarm.by(deadline);
  };
  const dropLease = (seq: number) => {
    const lease = roster.lease(seq);
    if (lease !== null) roster.drop(seq, lease.job.attempt.n);
  };
  feed.subscribe(onNews);
  feed.subscribe(pace.note);
  const noteAdded = ({ options }: Submission) => awaitTimesOf(options.notBefore, options.deadline);
  const drain = () => {
    isAccepting = false;
    alarm.stop();
    dispatcher.drain();
  };

  const door = {
    ...deps,
    payloadBytesMax: given.classicBytesMax,
    onRoom: dispatcher.wake,
    onJoin: (seat: Seat) => works.carryOut(tally.join(seat.worker, clock.now())),
    onLeave: (seat: Seat) => {
      crew.left(seat);
      dispatcher.wake(); // What waited for this worker alone may go to one that it avoided.
    },
  };

  const pullDoor = createPullDoor({ ...door, look: dispatcher.look });
  feed.subscribe(pullDoor.note);
  const workerDoor = createWorkerDoor({
    ...door,
    serverName: given.name ?? "gridlike",
    typesServed: types.typesServed,
    wakeAt: (ms) => alarm.by(deps.dueAt() + Math.max(Math.ceil(ms - clock.monotonicMs()), 0)),
  });
  feed.subscribe(workerDoor.note);
  const watches = createWatches({ roster, clock });
  feed.subscribe(watches.note);

  return {
    async start() {
      await tail.begin();
      lostMsFirst = clock.monotonicMs() + lostMsMinAfterStart;
      const adoptedCount = await adoptOpenAttempts(deps);
      if (adoptedCount > 0) log.info("attempts.adopted", { count: adoptedCount });
      isAccepting = true;
      alarm.by(clock.now());
    },
    drain,
    async stop() {
      drain();
      await dispatcher.stop();
      await works.idle();
      await tally.flush(() => true);
    },
    isAccepting: () => isAccepting,
    requireType: types.requireType,
    types: () => given.types,

    requireRoom: async () => given.disk?.requireRoom(),
    stage: (bytes, limits) => stage(deps, bytes, limits),
    discard: (content) => discard(deps, content),
    async submit(submission) {
      const submitted = await submit(deps, submission);
      if (submitted.isReplay) return submitted;
      noteAdded(submission);
      dispatcher.wake();
      return submitted;
    },
    ...createManyJobs({ ...deps, pace, onAdded: noteAdded, onSomeAdded: dispatcher.wake }),

    get: async (ref) => view(deps, await requireJob(deps, ref)),
    wait: async (ref, waitMs, stop) => view(deps, await wait(deps, ref, waitMs, stop)),
    waitForEndOfChain: async (ref, waitMs, stop) =>
      view(deps, await waitForEndOfChain(deps, ref, waitMs, stop)),
    list: (query) => list(deps, query),
    count: (filter) => jobs.count(filter),
    batch: (type, number) => batch(deps, type, number),
    history: (ref) => history(deps, ref),
    explain: async (ref) => {
      const facts = await explainFacts(deps, ref);
      return { ...explain(facts), job: facts.job };
    },
    eventPlace: tail.place,
    events: tail.read,
    watch: tail.watch,
    open: (content, range) => openBytes(deps, content, range),

    cancel: async (ref) => view(deps, await operate(deps, ref, "cancel")),
    retry: async (ref) => view(deps, await operate(deps, ref, "retry")),
    hold: async (ref) => view(deps, await operate(deps, ref, "hold")),
    unhold: async (ref) => view(deps, await operate(deps, ref, "unhold")),
    remove: (ref, options) => remove(deps, ref, options),
    forget: async (settled) => (await removeSettled(deps, settled)).changed,

    workers: crew.views,
    worker: crew.view,
    kick: crew.kick,
    drainWorker: crew.drain,
    undrainWorker: crew.undrain,
    async stats() {
      const { connected, slots } = crew.size();
      return {
        jobs: await jobs.counts(),
        workers: { connected, slots, busy: roster.leaseCount() },
        doneRate: tally.doneRate(clock.now()),
        durability: given.durability,
        incarnation: given.incarnation,
        repairs: 0,
        disk: (await given.disk?.state()) ?? null,
      };
    },
    pull: pullDoor.pull,
    openWork: pullDoor.open,
    watchLogs: logs.watch,
    attachClassic: (socket) => attachClassic(door, socket),
    attachWorker: workerDoor.attach,
    openWatches: (listener) => createWatchBook({ ...deps, watches }, listener),
    self: () => ({ name: given.name ?? "gridlike", incarnation: given.incarnation }),
  };
}
