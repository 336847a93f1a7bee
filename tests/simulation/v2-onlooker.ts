// Stands beside the sockets of v2 workers and holds every word of the server against its own idea of the protocol and
// of SEMANTICS.md, sections 3 and 5: who may be given a job, what becomes of held attempts, what a receipt may say.
// Shares no code with either session.

import { killAfterMsDefault, lostMsMin, lostMsMinAfterStart } from "../../src/domain/limits.ts";
import type { Job } from "../../src/domain/job.ts";
import type { Message } from "../../src/protocol/frame.ts";
import { parseHeld, parseWorkerMessage } from "../../src/protocol/worker-messages.ts";
import type { HeldAttempt, HeldVerdict, ServerSays } from "../../src/protocol/worker-messages.ts";
import type { Disk } from "./disk.ts";
import type { Case, Judge } from "./judge.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";
import type { V2Link } from "./v2-network.ts";
import { wallStartsAt, type Wall } from "./sim-clock.ts";
import { brokenByReceipt, verdictOf, type EndOp, type Told } from "./v2-rules.ts";

/** A process of a worker, as it truly is. */
export type Holder = {
  readonly machine: string;
  workerId(): string;
  readonly bootId: string;
  isAlive(): boolean;
  /** Its machine reaches nobody. */
  isUnplugged(): boolean;
  /** Whether it has the attempt: waiting, running, or ended and not receipted. */
  has(name: string): boolean;
  /** Attempts that run now, and since when. */
  running(): ReadonlyMap<string, number>;
  /** It knows that it is to end it, or ends. */
  isEnding(name: string): boolean;
};

/** A connection as an onlooker sees it. */
export type Talk = {
  readonly connection: string;
  readonly holder: Holder;
  readonly link: V2Link;
  workerId: string | null;
  bootId: string | null;
  types: readonly string[];
  /** Lists that have no verdicts yet, with the time at which the server got them. */
  lists: { readonly held: readonly HeldAttempt[]; readonly atMs: number }[];
  isWelcomed: boolean;
  /** What the server last heard of the window; null before. */
  window: number | null;
  isLeaving: boolean;
  /** Attempts that it was given or that go on, and whose end the server has not heard. */
  readonly hands: Set<string>;
  /** What was last heard of the end of an attempt. */
  readonly ends: Map<string, EndOp>;
  /** When the server last heard of its room. */
  roomSinceMs: number;
};

export type Onlooker = {
  opened(about: Pick<Talk, "connection" | "holder" | "link">): void;
  closed(connection: string): void;
  /** Before the server takes it. */
  heard(connection: string, messages: readonly Message[]): void;
  sign(connection: string): void;
  /** As it leaves the server. */
  said(connection: string, messages: readonly Message[]): void;
  /** What a worker was told of the end of an attempt by HTTP. */
  checkEnd(told: Told, of: "result"): void;
  /** A process begins to run an attempt. */
  began(name: string): void;
  /** The server was told to give this worker nothing, or that it may again. */
  drained(workerId: string): void;
  undrained(workerId: string): void;
  /** An attempt was given up: may it be? `info` says why, in the server's words. */
  checkLoss(known: Case, former: Job, job: Job): void;
  /** Since when, at the earliest, the server knows that it runs; null when it does not. */
  runningSinceMs(name: string): number | null;
  talks(): Iterable<Talk>;
  /** How many jobs more it could be given, at least. */
  room(talk: Talk): number;
  isDrained(workerId: string): boolean;
  reset(): void;
  addHolder(holder: Holder): void;
};

/** So long after the disk was full something may be written that was decided before. */
const fullMsMax = 7_000;

export type OnlookerDeps = {
  readonly scheduler: Scheduler;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly wall: Wall;
  readonly judge: () => Judge;
  readonly disk: () => Pick<Disk, "madeSoonMs" | "fullAtMs">;
  /** When the server was started. */
  readonly bornMs: () => number;
};

export function createOnlooker(deps: OnlookerDeps): Onlooker {
  const { scheduler, knobs, trace } = deps;
  const talksByConnection = new Map<string, Talk>();
  const holders = new Set<Holder>();
  /** Of jobs as they were sent. */
  const tokens = new Map<string, string>();
  const begun = new Set<string>();
  /** When the server heard first that its worker has it. */
  const confirmedMs = new Map<string, number>();
  /** Both of this life of the server. */
  const runningSince = new Map<string, number>();
  const heardOf = new Map<string, number>();
  const drainedSince = new Map<string, number>();
  const sharedIds = new Set<string>();

  /** A job that is being claimed may still be on its way when its worker is drained. */
  const claimMsMax = 200 + 2 * (knobs.commitMsMax + knobs.blobMsMax + 4 * knobs.readMsMax);

  const commitMsMax = 10 + knobs.commitMsMax + 4 * knobs.readMsMax;

  const nowMs = () => scheduler.nowMs();
  const caseOf = (id: string) => deps.judge().byId(id);
  const nameOf = ({ job, attempt }: { readonly job: string; readonly attempt: number }) =>
    `${job}.${attempt}`;
  const isOpen = (name: string) => {
    const known = caseOf(jobOf(name));
    return known !== null && known.open === attemptOf(name);
  };
  const openCount = ({ hands }: Talk) => [...hands].filter(isOpen).length;

  const heardOne = (talk: Talk, { header, body }: Message) => {
    const said = parseWorkerMessage(header);
    if (said === "unknown-op") return;
    trace.note(`v2.said-${said.op}`, talk.connection);
    switch (said.op) {
      case "hello":
        talk.workerId = said.worker_id;
        talk.bootId = said.boot_id;
        talk.types = said.types;
        talk.lists.push({ held: parseHeld(body), atMs: nowMs() });
        return;
      case "holding":
        talk.lists.push({ held: parseHeld(body), atMs: nowMs() });
        return;
      case "ready":
        talk.window = said.window;
        talk.roomSinceMs = nowMs();
        return;
      case "bye":
        talk.isLeaving = true;
        return;
      case "beat":
        for (const [job, attempt, state] of said.holding) {
          confirm(talk, nameOf({ job, attempt }), state === "running");
        }
        return;
      case "started":
      case "progress":
      case "log":
        return confirm(talk, nameOf(said), true);
      case "result":
      case "fail":
      case "release":
      case "ended": {
        const name = nameOf(said);
        if (said.op !== "ended") {
          confirm(talk, name, true);
          talk.ends.set(name, said.op);
        }
        if (talk.hands.delete(name)) talk.roomSinceMs = nowMs();
        return;
      }
    }
  };

  const noteSign = ({ hands }: Talk) => {
    for (const name of hands) heardOf.set(name, nowMs());
  };

  const confirm = (talk: Talk, name: string, isRunning: boolean) => {
    if (!talk.hands.has(name)) return;
    if (!confirmedMs.has(name)) confirmedMs.set(name, nowMs());
    if (isRunning && !runningSince.has(name)) runningSince.set(name, nowMs());
  };

  const saidOne = (talk: Talk, { header, body }: Message) => {
    const said = header as unknown as ServerSays; // The server's own words.
    trace.note(`v2.told-${said.op}`, talk.connection);
    switch (said.op) {
      case "welcome":
        talk.isWelcomed = true;
        checkPlace(talk);
        return checkVerdicts(talk, body);
      case "held":
        return checkVerdicts(talk, body);
      case "job":
        return checkJob(talk, said);
      case "receipt":
        return checkReceipt(talk, said);
      case "cancel":
        trace.note(`v2.cancel-${said.why}`, nameOf(said));
        // Before it is ready it need not answer.
        if (talk.window === null) talk.hands.delete(nameOf(said));
        return;
      case "refused":
        trace.note(`v2.refused-${said.code}`, talk.connection);
        return;
      case "bye":
        trace.note(`v2.bye-${said.why}`, talk.connection);
        return;
      case "drain":
      case "undrain":
        return;
    }
  };

  /** A worker has one place at a time. */
  const checkPlace = (talk: Talk) => {
    for (const other of talksByConnection.values()) {
      if (other === talk || !other.isWelcomed || other.workerId !== talk.workerId) continue;
      if (!other.link.isSeated()) continue;
      const what = other.bootId === talk.bootId ? "its older connection" : "another process";
      trace.violate("place", `${talk.connection} was welcomed beside ${what} ${other.connection}`);
    }
  };

  const checkVerdicts = (talk: Talk, body: Uint8Array) => {
    const list = talk.lists.shift();
    if (list === undefined) return trace.violate("protocol", "verdicts without a list");
    const verdicts = new TextDecoder()
      .decode(body)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as HeldVerdict);
    if (verdicts.length !== list.held.length) {
      trace.violate("protocol", `${verdicts.length} verdicts for ${list.held.length} attempts`);
    }
    for (const [index, verdict] of verdicts.entries()) {
      const held = list.held[index]!;
      trace.note(`v2.verdict-${verdict.do}`, `${nameOf(verdict)} ${held.state}`);
      checkVerdict(held, verdict, list.atMs);
      const isKept = verdict.do === "continue" || verdict.do === "deliver";
      if (!isKept || !isOpen(nameOf(verdict)) || isElsewhere(talk, nameOf(verdict))) continue;
      talk.hands.add(nameOf(verdict));
      if (!confirmedMs.has(nameOf(verdict))) confirmedMs.set(nameOf(verdict), nowMs());
    }
  };

  /** A copy of a worker brings what the worker itself has. */
  const isElsewhere = (talk: Talk, name: string) =>
    [...talksByConnection.values()].some(
      (other) => other !== talk && other.hands.has(name) && other.workerId !== talk.workerId,
    );

  /** The table of section 5. What changed since the list arrived may be judged by either state. */
  const checkVerdict = (held: HeldAttempt, { do: said }: HeldVerdict, listMs: number) => {
    const known = caseOf(held.job);
    const say = (promise: string, why: string) =>
      trace.violate(promise, `${nameOf(held)}, ${held.state}, was answered ${said}: ${why}`);
    const isTokenRight = tokens.get(nameOf(held)) === held.token;
    if (!isTokenRight && said !== "abandon") return say("token", "its token is wrong");
    if (!isTokenRight) return trace.note("v2.wrong-token");
    if (known === null) return; // Deleted, at any time until now.
    if (said === "continue" && known.changedMs < nowMs() && known.open !== held.attempt) {
      return say("verdict", "it is not open");
    }
    if (known.changedMs >= listMs || isOnItsWay(known)) return;
    const expected = verdictOf(known, held, wallStartsAt + nowMs() + deps.wall.offsetMs);
    if (said !== expected) say("verdict", `expected ${expected}`);
  };

  /** Given out by a move that is not written yet. */
  const isOnItsWay = ({ seq, record }: Case) =>
    record !== null && deps.disk().madeSoonMs(seq, record.revision + 1) !== null;

  const checkJob = (talk: Talk, said: Extract<ServerSays, { op: "job" }>) => {
    const name = nameOf(said);
    const { workerId, window, connection } = talk;
    if (window === null || workerId === null) {
      return trace.violate("ready", `${connection} was given a job before it was ready`);
    }
    if (talk.isLeaving) trace.violate("ready", `${connection} was given a job after its bye`);
    const drainedMs = drainedSince.get(workerId);
    if (drainedMs !== undefined && nowMs() - drainedMs > claimMsMax) {
      trace.violate("drain", `${connection} was given a job, and is drained since ${drainedMs}`);
    }
    const count = openCount(talk);
    if (count >= window) {
      trace.violate("I12", `${connection} holds ${count} jobs of ${window} and was given another`);
    }
    if (tokens.has(name)) trace.violate("I5", `${name} was given out twice`);
    const known = caseOf(said.job);
    if (known === null || (known.open !== said.attempt && known.changedMs < nowMs())) {
      trace.violate("I6", `${name} was sent and is not open`);
    }
    tokens.set(name, said.token);
    talk.hands.add(name);
  };

  /** What a receipt says is so, durably, the moment it is said. */
  const checkReceipt = (talk: Talk, said: Extract<ServerSays, { op: "receipt" }>) => {
    const name = nameOf(said);
    trace.note(`v2.receipt-${said.verdict}`, name);
    if (talk.hands.delete(name)) talk.roomSinceMs = nowMs();
    checkEnd(said, talk.ends.get(name) ?? "nothing");
  };

  const checkEnd = (told: Told, of: EndOp | "nothing") => {
    const known = caseOf(told.job);
    const broken = known === null ? null : brokenByReceipt(known, told, of); // Null: deleted meanwhile.
    if (broken === null) return;
    trace.violate(broken, `the ${of} of ${nameOf(told)} was called ${told.verdict}`);
  };

  /** What the server heard then it could take into account: between a decision and its commit it cannot. */
  const isDecided = (heardMs: number) => {
    const sinceFullMs = nowMs() - deps.disk().fullAtMs();
    return nowMs() - heardMs > commitMsMax && sinceFullMs > fullMsMax;
  };

  const checkSilence = (known: Case, grace: number) => {
    const name = `${known.id}.${known.lastAttempt}`;
    const bornMs = deps.bornMs();
    const heardMs = Math.max(heardOf.get(name) ?? 0, bornMs);
    const runningMs = Math.max(runningSince.get(name) ?? heardMs, bornMs);
    const ranMs = Math.max(heardMs - runningMs, 0);
    const patienceMs = Math.min(Math.max(lostMsMin, ranMs), grace);
    const silentMs = nowMs() - heardMs;
    if (!isDecided(heardMs)) return;
    if (silentMs >= patienceMs && nowMs() - bornMs >= lostMsMinAfterStart) return;
    const when = `${silentMs} ms after a sign and ${nowMs() - bornMs} ms after the start`;
    trace.violate("T8", `${name} was given up ${when}, and had run for ${ranMs} ms`);
  };

  return {
    opened(about) {
      talksByConnection.set(about.connection, {
        ...about,
        workerId: null,
        bootId: null,
        types: [],
        lists: [],
        isWelcomed: false,
        window: null,
        isLeaving: false,
        hands: new Set(),
        ends: new Map(),
        roomSinceMs: nowMs(),
      });
    },
    closed: (connection) => void talksByConnection.delete(connection),
    heard(connection, messages) {
      const talk = talksByConnection.get(connection);
      if (talk === undefined) return;
      for (const message of messages) heardOne(talk, message);
      noteSign(talk);
    },
    sign(connection) {
      const talk = talksByConnection.get(connection);
      if (talk !== undefined) noteSign(talk);
    },
    said(connection, messages) {
      const talk = talksByConnection.get(connection);
      if (talk !== undefined) for (const message of messages) saidOne(talk, message);
    },
    checkEnd,
    began(name) {
      if (begun.has(name)) trace.violate("twice", `${name} was run twice`);
      begun.add(name);
    },
    drained: (workerId) => void drainedSince.set(workerId, nowMs()),
    undrained(workerId) {
      drainedSince.delete(workerId);
      for (const talk of talksByConnection.values()) talk.roomSinceMs = nowMs();
    },
    checkLoss(known, former, job) {
      const { worker, n } = former.attempt!;
      const name = `${known.id}.${n}`;
      const info = job.info ?? "";
      if (info.includes("kicked")) return;
      if (known.seenLast === "not_delivered") {
        const sinceMs = confirmedMs.get(name) ?? Infinity;
        if (isDecided(sinceMs)) trace.violate("T3b", `${name} was confirmed: ${info}`);
        return;
      }
      if (known.seenLast !== "lost") return;
      trace.note("v2.lost", `${name} ${info}`);
      if (!info.includes("came back without it")) {
        return checkSilence(known, graceOf(knobs, job));
      }
      trace.note("v2.came-back-without");
      for (const holder of holders) {
        const isHere = holder.isAlive() && holder.workerId() === worker.id && holder.has(name);
        if (isHere && !sharedIds.has(worker.id)) {
          trace.violate("T9", `${holder.machine} has ${name}, which was given up`);
        }
      }
    },
    runningSinceMs: (name) => runningSince.get(name) ?? null,
    talks: () => talksByConnection.values(),
    room(talk) {
      if (talk.window === null || talk.lists.length > 0 || talk.isLeaving) return 0;
      return talk.window - talk.hands.size;
    },
    isDrained: (workerId) => drainedSince.has(workerId),
    reset() {
      runningSince.clear();
      heardOf.clear();
      drainedSince.clear();
    },
    addHolder(holder) {
      for (const other of holders) {
        if (!other.isAlive()) holders.delete(other);
        else if (other.workerId() === holder.workerId()) sharedIds.add(holder.workerId());
      }
      holders.add(holder);
    },
  };
}

/** When a worker that ignores its limits is to be stopped by the server. */
export const overrunMs = killAfterMsDefault;

function graceOf({ types }: Knobs, { type }: Job): number {
  return types.find(({ name }) => name === type)!.resumeGraceMs;
}

function jobOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

function attemptOf(name: string): number {
  return Number(name.slice(name.lastIndexOf(".") + 1));
}
