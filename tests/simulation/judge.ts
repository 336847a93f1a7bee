// Reads the event log on the platter after each commit and holds every move against its own idea of the rules
// of SEMANTICS.md, section 3: an independent second opinion, which shares no code with the product's.

import type { ChangeName, StoredEvent } from "../../src/domain/event.ts";
import type { Attempt, Job, JobSeq, RunningJob, Status } from "../../src/domain/job.ts";
import type { JobType } from "../../src/domain/job-type.ts";
import { lostMsMin } from "../../src/domain/limits.ts";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { limitedGroup, type Knobs } from "./knobs.ts";
import { mayBeGone, type Ledger } from "./ledger.ts";
import type { Scheduler } from "./scheduler.ts";
import { wallStartsAt, type Wall } from "./sim-clock.ts";
import type { Trace } from "./trace.ts";
import type { Works } from "./work.ts";

/** A job as its events tell it. */
export type Case = {
  readonly seq: JobSeq;
  readonly id: string;
  readonly key: string;
  readonly type: string;
  status: Status;
  /** The number of the open attempt, or null. */
  open: number | null;
  lastAttempt: number;
  /** Attempts up to this one belong to a former life. */
  retriedAfter: number;
  completions: number;
  failures: number;
  losses: number;
  successors: number;
  /** Virtual times of the last claim and of the last change. */
  claimedMs: number;
  changedMs: number;
  /** When its wait after a failure is over by the clock that cannot be set, and the server that knows. */
  waitEndsMs: number;
  waitKnownBy: number;
  readonly seen: Set<ChangeName>;
  seenLast: ChangeName;
  /** The record as it stood after the last commit that touched it. */
  record: Job | null;
};

/** The jobs that the group's limit is about, after the last commit. */
export type LimitedGroup = {
  readonly running: ReadonlySet<JobSeq>;
  /** Virtual time at which a job last began or ended to run. */
  readonly changedMs: number;
};

export type Judge = {
  /** To be called after each commit. */
  read(): Promise<void>;
  /** Jobs that exist. */
  cases(): ReadonlyMap<JobSeq, Case>;
  /** Those that are pending or running. */
  active(): ReadonlyMap<JobSeq, Case>;
  pending(type: string): ReadonlyMap<JobSeq, Case>;
  /** Null when it does not exist, or no longer. */
  byId(id: string): Case | null;
  limited(): LimitedGroup;
  /** True when a job of this number was deleted. */
  isDeleted(seq: JobSeq): boolean;
  /** Jobs that ever existed. */
  jobCount(): number;
  /** Holds everything that is stored against what the events told. */
  audit(): Promise<void>;
};

export type JudgeDeps = {
  readonly jobs: JobStore;
  readonly types: readonly JobType[];
  readonly knobs: Knobs;
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  readonly works: Works;
  readonly trace: Trace;
  readonly wall: Wall;
  /** When the holder of an attempt gave a sign of life last. */
  readonly signs: ReadonlyMap<string, number>;
  readonly incarnation: () => number;
  /** The server has not begun to listen yet. */
  readonly isStarting: () => boolean;
  /** A worker that speaks v2 lost an attempt, or never got it: the moment to ask whether that may be. */
  readonly onV2Loss: (known: Case, former: RunningJob, job: Job) => void;
  /** When the move to this revision was made, if it was told before its commit. */
  readonly madeSoonMs: (seq: JobSeq, revision: number) => number | null;
  /** A job was claimed: the moment to ask whether another had a better right. */
  readonly onClaim: (claimed: Case) => void;
};

const pageSize = 500;

/** For each change: the statuses it may start from and lead to. */
const graph: Record<
  ChangeName,
  { readonly from: readonly Status[]; readonly to: readonly Status[] }
> = {
  submitted: { from: [], to: ["pending"] },
  claimed: { from: ["pending"], to: ["running"] },
  completed: { from: ["running", "pending"], to: ["done"] },
  failed: { from: ["running"], to: ["pending", "failed"] },
  timed_out: { from: ["running"], to: ["pending", "failed"] },
  lost: { from: ["running"], to: ["pending", "failed"] },
  not_delivered: { from: ["running"], to: ["pending"] },
  released: { from: ["running"], to: ["pending"] },
  reopened: { from: ["pending"], to: ["running"] },
  cancelled: { from: ["pending", "running"], to: ["cancelled"] },
  retried: { from: ["failed", "cancelled"], to: ["pending"] },
  expired: { from: ["pending"], to: ["failed"] },
  held: { from: ["pending"], to: ["pending"] },
  unheld: { from: ["pending"], to: ["pending"] },
  damaged: { from: [], to: [] }, // No bytes are ever damaged here, so it may not happen at all.
  deleted: { from: ["done", "failed", "cancelled"], to: ["done", "failed", "cancelled"] },
};

/** Changes that tell of the open attempt and end it. */
const endings = new Set<ChangeName>(["failed", "timed_out", "lost", "not_delivered", "released"]);

function freshCase(): Omit<Case, "seq" | "id" | "key" | "type"> {
  const attempts = { open: null, lastAttempt: 0, retriedAfter: 0 };
  const counts = { completions: 0, failures: 0, losses: 0, successors: 0 };
  const times = { claimedMs: 0, changedMs: 0, waitEndsMs: Infinity, waitKnownBy: 0 };
  const news = { seen: new Set<ChangeName>(), seenLast: "submitted", record: null } as const;
  return { status: "pending", ...attempts, ...counts, ...times, ...news };
}

export function createJudge(deps: JudgeDeps): Judge {
  const { jobs, types, scheduler, ledger, works, trace } = deps;
  const cases = new Map<JobSeq, Case>();
  /** Deleted ones as well. */
  const casesById = new Map<string, Case>();
  const keys = new Map<string, JobSeq>();
  const pendingByType = new Map(types.map(({ name }) => [name, new Map<JobSeq, Case>()]));
  const active = new Map<JobSeq, Case>();
  const tokens = new Set<string>();
  const deleted = new Set<JobSeq>();
  const typesByName = new Map(types.map((type) => [type.name, type]));
  const limitedRunning = new Set<JobSeq>();
  /** Those of them that their holders had all along, though they had been given up: no limit holds them back. */
  const limitedReopened = new Set<JobSeq>();
  let limitedChangedMs = 0;
  let lastEvent = 0;
  let readyLosses = 0;

  const accuse = (promise: string, event: StoredEvent, why: string) =>
    trace.violate(promise, `job ${event.job} (${event.type}) ${event.change}: ${why}`);

  const read = async () => {
    const touched = new Set<JobSeq>();
    for (;;) {
      const events = await jobs.events(lastEvent, pageSize);
      for (const event of events) {
        if (event.seq <= lastEvent) accuse("I11", event, `event ${event.seq} after ${lastEvent}`);
        lastEvent = event.seq;
        take(event);
        touched.add(event.job);
      }
      if (events.length < pageSize) break;
    }
    const claimed: Case[] = [];
    for (const seq of touched) await compare(seq, (known) => claimed.push(known));
    for (const seq of touched) countLimited(seq);
    checkLimited();
    for (const known of claimed) deps.onClaim(known);
    for (const seq of touched) checkSuccessor(seq);
  };

  const take = (event: StoredEvent) => {
    const n = event.attempt === null ? "" : `#${event.attempt}`;
    trace.note(`event.${event.change}`, `${event.job}${n} ${event.type} ${event.status}`);
    const known = cases.get(event.job);
    if (event.change === "submitted") {
      if (known !== undefined || deleted.has(event.job)) accuse("I2", event, "submitted twice");
      return open(event);
    }
    if (known === undefined) return accuse("I2", event, "of a job that does not exist");
    const { from, to } = graph[event.change];
    const isKnownWay = from.includes(known.status) && to.includes(event.status);
    const isSettled = known.status !== "pending" && known.status !== "running";
    if (!isKnownWay) {
      accuse(isSettled ? "I4" : "I2", event, `${known.status} to ${event.status}`);
    }
    follow(known, event);
  };

  const open = (event: StoredEvent) => {
    const { job: seq, id, key, type } = event;
    if (keys.has(key)) accuse("I1", event, `the key ${key} is taken by ${keys.get(key)}`);
    keys.set(key, seq);
    const fresh: Case = { ...freshCase(), seq, id, key, type };
    cases.set(seq, fresh);
    casesById.set(id, fresh);
  };

  const follow = (known: Case, event: StoredEvent) => {
    const { change, attempt } = event;
    known.seen.add(change);
    known.seenLast = change;
    // Also when it begins and ends with the same commit.
    if (change === "claimed" && known.record?.group === limitedGroup) {
      limitedChangedMs = scheduler.nowMs();
    }
    if (change === "claimed") {
      if (known.open !== null) accuse("I6", event, `attempt ${known.open} is open`);
      if (attempt !== known.lastAttempt + 1)
        accuse("I5", event, `${known.lastAttempt}, ${attempt}`);
      known.lastAttempt = attempt ?? 0;
      known.claimedMs = scheduler.nowMs();
    }
    if (change === "reopened") {
      if (attempt !== known.lastAttempt || known.lastAttempt <= known.retriedAfter)
        accuse("I5", event, `attempt ${attempt} of ${known.lastAttempt}`);
      known.claimedMs = scheduler.nowMs();
    }
    if (endings.has(change) && attempt !== known.open) {
      accuse("I2", event, `attempt ${attempt} while ${known.open} is open`);
    }
    if (change === "completed") complete(known, event);
    if (change === "failed" || change === "timed_out") known.failures += 1;
    if (change === "lost") known.losses += 1;
    if (change === "retried") {
      Object.assign(known, { failures: 0, losses: 0, retriedAfter: known.lastAttempt });
    }
    known.status = event.status;
    known.open = event.status === "running" ? known.lastAttempt : null;
    if (change === "deleted") bury(known, event);
  };

  const complete = (known: Case, event: StoredEvent) => {
    known.completions += 1;
    if (known.open !== event.attempt) {
      const how = known.open === null ? "late" : "first";
      trace.note(`result.${how}`, `${event.job}#${event.attempt} while ${known.open} is open`);
    }
    if (known.completions > 1) accuse("I3", event, "completed before");
    const n = event.attempt ?? 0;
    if (n > known.retriedAfter && n <= known.lastAttempt) return;
    accuse("I3", event, `attempt ${n} is none of (${known.retriedAfter}, ${known.lastAttempt}]`);
  };

  const bury = (known: Case, event: StoredEvent) => {
    const order = ledger.withId(known.id) ?? ledger.underKey(known.key);
    const isChild = known.record?.fromId !== null;
    const isAsked = order !== null && mayBeGone(order);
    if (!isAsked && !isChild) accuse("I1", event, "nobody asked for it");
    cases.delete(known.seq);
    keys.delete(known.key);
    deleted.add(known.seq);
    active.delete(known.seq);
    pendingByType.get(known.type)?.delete(known.seq);
  };

  /** The record on the platter must say what the events say. */
  const compare = async (seq: JobSeq, onClaim: (claimed: Case) => void) => {
    const known = cases.get(seq);
    if (known === undefined) return;
    const job = await jobs.find({ by: "seq", seq });
    if (job === null) return trace.violate("I1", `job ${seq} has events and no record`);
    const former = known.record;
    known.record = job;
    known.changedMs = scheduler.nowMs();
    if (known.seenLast === "claimed") {
      known.claimedMs = deps.madeSoonMs(seq, job.revision) ?? known.claimedMs;
    }
    const isClaim = job.status === "running" && former?.status !== "running";
    if (isClaim && known.seenLast === "claimed") onClaim(known);
    const say = (promise: string, why: string) => trace.violate(promise, `job ${seq}: ${why}`);
    if (job.status !== known.status) say("I2", `${job.status}, by its events ${known.status}`);
    if (former !== null && job.revision <= former.revision) say("I2", "the revision did not grow");
    if ((job.attempt?.n ?? 0) !== known.lastAttempt) say("I5", `attempt ${job.attempt?.n}`);
    if (job.failures !== known.failures) say("I8", `${job.failures} of ${known.failures} failures`);
    if (job.crashes > known.losses) say("I8", `${job.crashes} crashes of ${known.losses} losses`);
    if (job.retriedAfter !== known.retriedAfter) say("I5", `retried after ${job.retriedAfter}`);
    known.waitEndsMs = Number.POSITIVE_INFINITY;
    if (job.status === "pending" && former?.status === "running") {
      const nowWall = wallStartsAt + scheduler.nowMs() + deps.wall.offsetMs;
      known.waitEndsMs = scheduler.nowMs() + Math.max(job.readyAt - nowWall, 0);
      known.waitKnownBy = deps.incarnation();
    }
    if (former?.status === "running") checkEnd(known, former, job, say);
    checkLimits(job, say);
    if (job.status === "running") checkToken(job, known, former, say);
    if (job.status === "done") checkResult(job, say);
    if (former === null) checkOrigin(job, say);
    if (job.status === "pending" || job.status === "running") active.set(seq, known);
    else active.delete(seq);
    const waiting = pendingByType.get(job.type);
    if (job.status === "pending") waiting?.set(seq, known);
    else waiting?.delete(seq);
  };

  type Say = (promise: string, why: string) => void;

  /** What ended an attempt was due, and charged to whom it should be. */
  const checkEnd = (known: Case, former: Job, job: Job, say: Say) => {
    const limitMs = job.options.timeoutMs ?? typesByName.get(job.type)!.timeoutMs ?? 0;
    const ranMs = scheduler.nowMs() - known.claimedMs;
    if (known.seenLast === "timed_out" && ranMs < limitMs)
      say("due", `timed out after ${ranMs} ms`);
    const isCharged = job.crashes > former.crashes || job.failures > former.failures;
    const isOfTheServer = known.seenLast === "lost" && deps.isStarting();
    if (isOfTheServer && isCharged) say("T16", "a restart was charged to the job");
    if (former.status === "running" && isV2(former)) {
      if (isOfTheServer) say("T16", "a restart took it from a worker that comes back");
      return deps.onV2Loss(known, former, job);
    }
    if (known.seenLast !== "lost") return;
    if (former.status === "running" && former.attempt.leaseMs !== null) {
      checkLease(former.attempt, job, say);
    }
    if (!job.info?.includes("said it was ready")) return;
    readyLosses += 1;
    const forgotten = trace.counts().get("worker.forget") ?? 0;
    if (readyLosses > forgotten) say("GL-32", "was taken from a worker that had not forgotten it");
  };

  /** A worker without a socket keeps its job over restarts, and as long as it gives signs of life. */
  const checkLease = ({ n, leaseMs }: Attempt, job: Job, say: Say) => {
    if (deps.isStarting()) say("T16", "a restart took it from a worker that needs no socket");
    const silentMs = scheduler.nowMs() - (deps.signs.get(`${job.seq}#${n}`) ?? 0);
    const isKicked = job.info?.includes("kicked") === true;
    if (!isKicked && silentMs < (leaseMs ?? 0))
      say("lease", `was lost ${silentMs} ms after a sign`);
  };

  const checkLimits = (job: Job, say: Say) => {
    const type = typesByName.get(job.type)!;
    const allowed = job.options.maxAttempts ?? type.maxAttempts;
    const isActive = job.status === "pending" || job.status === "running";
    if (job.failures > allowed) say("I8", `${job.failures} failures of ${allowed}`);
    if (isActive && job.failures >= allowed) say("I8", `active after ${job.failures} failures`);
    if (job.avoid.length > 8) say("I8", `avoids ${job.avoid.length} workers`);
    if (job.status !== "failed") return;
    const isExhausted = job.reason === "exhausted" || job.reason === "timeout";
    if (isExhausted && job.failures < allowed) say("I8", `failed after ${job.failures} failures`);
    if (job.reason === "crashes" && job.crashes < type.maxCrashes) say("I8", "failed too soon");
  };

  const checkToken = (job: Job, known: Case, former: Job | null, say: Say) => {
    const isSame = former?.attempt?.n === known.lastAttempt;
    const token = job.attempt!.tokenHash.toHex();
    if (!isSame && tokens.has(token)) say("I5", "its token was used before");
    tokens.add(token);
  };

  const checkResult = (job: Extract<Job, { status: "done" }>, say: Say) => {
    const payload = works.known(job.payload.sha256);
    if (payload === null) return say("I9", "its payload was never made");
    const right = sha256Hex(works.result(job.type, payload));
    if (job.result.sha256 !== right) say("I3", "its result is wrong");
  };

  const checkOrigin = (job: Job, say: Say) => {
    if (job.fromId !== null) return checkParent(job, job.fromId, say);
    const order = ledger.underKey(job.key);
    if (order === null) return say("L6", `nobody asked for ${job.key}`);
    const isRight =
      order.type === job.type &&
      order.priority === job.priority &&
      order.group === job.group &&
      sha256Hex(order.payload) === job.payload.sha256 &&
      Bun.deepEquals(order.options, job.options);
    if (!isRight) say("L6", `it is not what was asked for under ${job.key}`);
  };

  const checkParent = (job: Job, fromId: string, say: Say) => {
    const parent = casesById.get(fromId);
    if (parent?.record?.status !== "done") return say("I10", `${fromId} is not done`);
    parent.successors += 1;
    if (parent.successors > 1) say("I10", `another successor of ${parent.seq}`);
    if (typesByName.get(parent.type)?.resultBecomes !== job.type) say("I10", "of the wrong type");
    if (job.payload.sha256 !== parent.record.result.sha256) say("I10", "with other bytes");
  };

  const countLimited = (seq: JobSeq) => {
    const record = cases.get(seq)?.record ?? null;
    const isRunning = record?.status === "running" && record.group === limitedGroup;
    if (isRunning === limitedRunning.has(seq)) return;
    limitedChangedMs = scheduler.nowMs();
    if (!isRunning) {
      limitedRunning.delete(seq);
      limitedReopened.delete(seq);
      return;
    }
    limitedRunning.add(seq);
    if (cases.get(seq)?.seenLast === "reopened") limitedReopened.add(seq);
    if (limitedRunning.size === deps.knobs.groupRunningMax) trace.note("group.full", `${seq}`);
  };

  const checkLimited = () => {
    const max = deps.knobs.groupRunningMax;
    if (max === null || limitedRunning.size - limitedReopened.size <= max) return;
    trace.violate("group", `${[...limitedRunning].join(", ")} run at once, of at most ${max}`);
  };

  const checkSuccessor = (seq: JobSeq) => {
    const known = cases.get(seq);
    if (known?.status !== "done" || known.successors === 1) return;
    if (typesByName.get(known.type)?.resultBecomes === null) return;
    trace.violate("I10", `job ${seq} is done and has ${known.successors} successors`);
  };

  const audit = async () => {
    const stored = new Set<JobSeq>();
    for (let after: JobSeq | null = null; ;) {
      const page = await jobs.list({ filter: {}, order: "oldest", limit: pageSize, after });
      for (const job of page.items) {
        stored.add(job.seq);
        const known = cases.get(job.seq);
        if (known === undefined) trace.violate("I1", `job ${job.seq} exists without events`);
        else if (known.record?.revision !== job.revision || known.status !== job.status)
          trace.violate("I2", `job ${job.seq} changed without an event`);
        const past = await jobs.history(job.seq);
        if (past.length !== job.revision + 1)
          trace.violate("I2", `job ${job.seq}: ${past.length} events, revision ${job.revision}`);
      }
      if (page.next === null) break;
      after = page.next;
    }
    for (const seq of cases.keys()) if (!stored.has(seq)) trace.violate("I1", `job ${seq} is gone`);
  };

  return {
    read,
    cases: () => cases,
    byId(id) {
      const known = casesById.get(id);
      return known !== undefined && cases.has(known.seq) ? known : null;
    },
    active: () => active,
    pending: (type) => pendingByType.get(type) ?? new Map(),
    limited: () => ({ running: limitedRunning, changedMs: limitedChangedMs }),
    isDeleted: (seq) => deleted.has(seq),
    jobCount: () => cases.size + deleted.size,
    audit,
  };
}

/** Its worker speaks v2: known by the length of the lease alone. */
export function isV2({ attempt }: Pick<Job, "attempt">): boolean {
  return attempt?.leaseMs === lostMsMin;
}
