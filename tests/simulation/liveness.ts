// Looks at the world again and again and asks why something that should have happened by now has not: a job
// and a fitting free worker not brought together, a deadline or a time limit passed over, a worker not asked.

import { isV2, type Case, type Judge } from "./judge.ts";
import type { Job } from "../../src/domain/job.ts";
import type { WorkerView } from "../../src/domain/worker.ts";
import type { Disk } from "./disk.ts";
import type { Knobs } from "./knobs.ts";
import type { Link, Network } from "./network.ts";
import type { PullCall } from "./pullers.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";
import { wallStartsAt, type Wall } from "./sim-clock.ts";
import type { Trace } from "./trace.ts";
import type { Onlooker } from "./v2-onlooker.ts";

export type Liveness = {
  look(): void;
  /** No other waiting job had a better right to the worker that was given this one. */
  lookAtOrder(claimed: Case): void;
};

/** A worker that has room, and since when. */
type Free = {
  readonly name: string;
  readonly workerId: string;
  readonly type: string;
  readonly sinceMs: number;
  readonly sizeBytesMax: number;
};

export type LivenessDeps = {
  readonly scheduler: Scheduler;
  readonly judge: Judge;
  readonly network: Network;
  readonly server: Server;
  readonly disk: Disk;
  readonly knobs: Knobs;
  readonly wall: Wall;
  readonly trace: Trace;
  /** Calls of workers without a socket that wait for a job. */
  readonly calls: ReadonlySet<PullCall>;
  readonly onlooker: Onlooker;
  /** Since when the worker behind this link has nothing to do, or null. */
  readonly idleSinceMs: (link: Link) => number | null;
};

/** I13 says one second; the rest is for the commit, the network and the time between two looks. */
const claimMsMax = 1_600;

/** A worker that says busy is asked again every five seconds. */
const askMsMax = 8_000;

/** So late the server may notice that the wall clock was set: it looks every 30 s. */
const jumpMsMax = 32_000;

/** So long waits run ahead of a wall clock that was set back; deadlines are then looked at every second. */
const setBackMsMax = 1_000_000;
const setBackLateMsMax = 1_500;

/** So late the server may try again what a full disk refused: its alarm rings again after 5 s. */
const fullMsMax = 7_000;

/** How many waiting jobs are looked at for each free worker. */
const jobsLookedAtMax = 200;

export function createLiveness(deps: LivenessDeps): Liveness {
  const { scheduler, judge, network, server, trace } = deps;
  // A seat whose job could not be read rests a second, and may be unlucky again.
  const patienceMs = claimMsMax + deps.knobs.blobMsMax + (deps.knobs.blobErrorRate > 0 ? 8_000 : 0);
  let sinceByPair = new Map<string, number>();
  let overdueSince = new Map<string, number>();

  /** True while the server may be late for good reasons. */
  const isExcused = () =>
    scheduler.nowMs() - deps.wall.setForwardAtMs < jumpMsMax ||
    scheduler.nowMs() - deps.disk.fullAtMs() < fullMsMax;

  const look = () => {
    const broker = server.broker();
    if (broker === null || !broker.isAccepting() || isExcused()) {
      sinceByPair = new Map();
      overdueSince = new Map();
      return;
    }
    const seats = broker.workers().filter(({ state }) => state !== "gone");
    const setAside = new Set(
      seats.flatMap(({ id, state }) => (state === "quarantined" ? [id] : [])),
    );
    lookAtPairs(seats.filter(({ id }) => !setAside.has(id)));
    lookAtTimes();
    lookAtAsking();
  };

  /** Who has room: classic workers by their word, others as long as their call waits. */
  const free = (able: readonly WorkerView[]): readonly Free[] => {
    const trusted = new Set(able.map(({ connection }) => connection));
    const trustedIds = new Set(able.map(({ id }) => id));
    const links = [...network.links()].flatMap((link): readonly Free[] => {
      const { connection: name, workerId, type } = link;
      const sinceMs = link.readySinceMs();
      if (sinceMs === null || !link.isWhole() || !trusted.has(name)) return [];
      return [{ name, workerId, type, sinceMs, sizeBytesMax: deps.knobs.classicBytesMax }];
    });
    const calls = [...deps.calls].flatMap(({ workerId, type, sinceMs, incarnation }) => {
      if (incarnation !== server.incarnation() || !trustedIds.has(workerId)) return [];
      return [{ name: workerId, workerId, type, sinceMs, sizeBytesMax: Infinity }];
    });
    const draining = new Set(
      able.flatMap(({ connection, state }) => (state === "draining" ? [connection] : [])),
    );
    const v2 = [...deps.onlooker.talks()].flatMap((talk): readonly Free[] => {
      const { connection: name, workerId, link, types, roomSinceMs: sinceMs } = talk;
      if (workerId === null || !link.isWhole() || deps.onlooker.room(talk) <= 0) return [];
      if (!trusted.has(name) || draining.has(name)) return [];
      return types.map((type) => ({ name, workerId, type, sinceMs, sizeBytesMax: Infinity }));
    });
    return [...links, ...calls, ...v2];
  };

  const lookAtPairs = (able: readonly WorkerView[]) => {
    const now = scheduler.nowMs();
    const next = new Map<string, number>();
    for (const { name, workerId, type, sinceMs, sizeBytesMax } of free(able)) {
      for (const { seq, record } of eligible(type)) {
        const job = record!;
        if (isGroupFull(job) || job.payload.size > sizeBytesMax) continue;
        if (job.avoid.includes(workerId) && couldRunElsewhere(job, able)) continue;
        // A group that gave its room to another job in the meantime begins anew.
        const room = isLimited(job) ? `:${judge.limited().changedMs}` : "";
        const pair = `${seq}:${job.revision}${room} ${name}:${sinceMs}`;
        const since = sinceByPair.get(pair) ?? now;
        next.set(pair, since);
        if (now - since < patienceMs) continue;
        trace.violate("I13", `job ${seq} and worker ${name} wait since ${since}`);
      }
    }
    sinceByPair = next;
  };

  const couldRunElsewhere = (job: Job, able: readonly WorkerView[]) =>
    able.some(({ id, types, protocol }) => {
      const isTooLarge = protocol === "classic" && job.payload.size > deps.knobs.classicBytesMax;
      return types.includes(job.type) && !isTooLarge && !job.avoid.includes(id);
    });

  const eligible = (type: string): readonly Case[] => {
    const found: Case[] = [];
    const at = wallNow();
    for (const job of judge.pending(type).values()) {
      const { record } = job;
      if (record?.status !== "pending" || record.held) continue;
      if (record.readyAt > at && !isWaitOver(job)) continue;
      const { deadline } = record.options;
      if (deadline !== null && deadline <= at) continue;
      found.push(job);
      if (found.length === jobsLookedAtMax) break;
    }
    return found;
  };

  /** Waits are due when either clock says so; a restart forgets that the wall clock was set back. */
  const isWaitOver = ({ waitEndsMs, waitKnownBy }: Case) =>
    waitKnownBy === server.incarnation() && scheduler.nowMs() >= waitEndsMs;

  const isLimited = ({ options }: Job) => options.groupRunningMax !== null;
  const isGroupFull = ({ options }: Job) =>
    options.groupRunningMax !== null && judge.limited().running.size >= options.groupRunningMax;

  const wasSetBack = () => scheduler.nowMs() - deps.wall.setBackAtMs < setBackMsMax;
  const wallNow = () => wallStartsAt + scheduler.nowMs() + deps.wall.offsetMs;

  /** A deadline that passed ends a waiting job; a time limit that passed ends an attempt. */
  const lookAtTimes = () => {
    const now = scheduler.nowMs();
    const next = new Map<string, number>();
    const startedMs = server.startedMs(); // What is held over a restart begins anew.
    for (const { seq, record, claimedMs, lastAttempt } of judge.active().values()) {
      if (record === null) continue;
      const type = deps.knobs.types.find(({ name }) => name === record.type)!;
      const limitMs = record.options.timeoutMs ?? type.timeoutMs;
      const { deadline } = record.options;
      const isExpired = record.status === "pending" && deadline !== null && deadline <= wallNow();
      const isTooLong =
        record.status === "running" &&
        !isV2(record) &&
        limitMs !== null &&
        now - Math.max(claimedMs, startedMs) > limitMs;
      if (!isExpired && !isTooLong) continue;
      const what = `${seq}#${lastAttempt} ${isExpired ? "deadline" : "time limit"}`;
      const since = overdueSince.get(what) ?? now;
      next.set(what, since);
      const lateMsMax = isExpired && wasSetBack() ? claimMsMax + setBackLateMsMax : claimMsMax;
      if (now - since >= lateMsMax) trace.violate("due", `job ${what} passed before ${since}`);
    }
    overdueSince = next;
  };

  const lookAtAsking = () => {
    for (const link of network.links()) {
      const [busySince, idleSince] = [link.busySinceMs(), deps.idleSinceMs(link)];
      if (busySince === null || idleSince === null || !link.isWhole()) continue;
      const since = Math.max(busySince, idleSince);
      if (scheduler.nowMs() - since < askMsMax + 2 * link.frameMsMax) continue;
      trace.violate(
        "GL-25",
        `worker ${link.connection} is idle since ${since} and was not asked again`,
      );
    }
  };

  const lookAtOrder = ({ seq, type, record }: Case) => {
    if (isExcused() || wasSetBack() || record?.status !== "running") return;
    const worker = record.attempt.worker.id;
    for (const { seq: other, record: waiting, changedMs } of eligible(type)) {
      if (waiting === null || scheduler.nowMs() - changedMs < patienceMs) continue;
      // It is on its way to a worker, and its commit comes.
      if (deps.disk.madeSoonMs(other, waiting.revision + 1) !== null) continue;
      if (waiting.status !== "pending" || wallNow() - waiting.readyAt < patienceMs) continue;
      if (waiting.avoid.includes(worker) || !isBefore(waiting, record)) continue;
      if (record.attempt.leaseMs === null && waiting.payload.size > deps.knobs.classicBytesMax)
        continue;
      const isRoomNew = scheduler.nowMs() - judge.limited().changedMs < patienceMs;
      if (isLimited(waiting) && !isLimited(record) && (isRoomNew || isGroupFull(waiting))) continue;
      trace.violate("order", `job ${seq} was given to ${worker} before job ${other}`);
    }
  };

  return { look, lookAtOrder };
}

/** The order of section 4: immediate before batch, then by failures, then by age. */
function isBefore(a: Job, b: Job): boolean {
  if (a.priority !== b.priority) return a.priority === "immediate";
  return a.penalty === b.penalty ? a.seq < b.seq : a.penalty < b.penalty;
}
