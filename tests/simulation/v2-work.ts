// What a simulated v2 worker does with its jobs: waits for payloads, runs them in its slots, ends them well or badly, and
// obeys a stop sooner or later. Tells how each ended; what that means to the server is not known here.

import { sha256Hex } from "../../src/blobs/hashing.ts";
import { nameOf } from "../../src/agent/conversation/attempts.ts";
import type {
  Input,
  JobMessage,
  ReleaseWhy,
} from "../../src/agent/conversation/conversation-words.ts";
import type { Ended, Failure } from "../../src/agent/spool/outcome.ts";
import { progressMsMin, startedMsMin } from "../../src/domain/limits-worker.ts";
import type { Chance } from "./chance.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";
import type { V2Roads } from "./v2-roads.ts";
import { kindOf, type Works } from "./work.ts";

export type V2Work = {
  take(job: JobMessage, body: Uint8Array): void;
  drop(name: string): void;
  /** `giveBack`: what the job is then given back for; null when the server asked. */
  stop(name: string, giveBack: ReleaseWhy | null): void;
  stopAll(giveBack: ReleaseWhy): void;
  has(name: string): boolean;
  isEnding(name: string): boolean;
  /** With the time at which each began. */
  running(): ReadonlyMap<string, number>;
  count(): number;
};

export type V2WorkDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly works: Works;
  readonly roads: V2Roads;
  readonly slots: number;
  readonly isBlackHole: boolean;
  readonly isHealing: () => boolean;
  readonly isAlive: () => boolean;
  readonly tell: (input: Input) => void;
  readonly keep: (ended: Ended) => void;
  readonly onBegin: (name: string) => void;
  /** A job takes the whole process down. */
  readonly die: () => void;
};

type Entry = {
  readonly name: string;
  readonly job: JobMessage;
  payload: Uint8Array | null;
  startedMs: number | null;
  isStopping: boolean;
  giveBack: ReleaseWhy | null;
};

/** `overrun`: it knows no time limit. */
type Manner = "honest" | "fail" | "hopeless" | "release" | "die" | "overrun";

export function createV2Work(deps: V2WorkDeps): V2Work {
  const { scheduler, chance, knobs, trace, works, tell } = deps;
  const entries = new Map<string, Entry>();
  const runs = new Map<string, number>();

  const named = ({ job: { job, attempt } }: Entry) => ({ job, attempt });
  const isHere = (entry: Entry) => deps.isAlive() && entries.get(entry.name) === entry;
  const leave = (entry: Entry, input: Input) => {
    entries.delete(entry.name);
    runs.delete(entry.name);
    tell(input);
    pump();
  };
  const release = (entry: Entry, why: ReleaseWhy) =>
    leave(entry, { kind: "released", ...named(entry), why });
  const fail = (entry: Entry, facts: Partial<Failure>) => {
    const { token } = entry.job;
    deps.keep({ ...named(entry), token, kind: "failed", ...unexplained, ...facts });
    leave(entry, { kind: "failed", ...named(entry) });
  };
  const finish = (entry: Entry) => {
    const { token, type } = entry.job;
    const bytes = works.result(type, entry.payload!);
    const [sha256, size] = [sha256Hex(bytes), bytes.length];
    const contentType = null;
    deps.keep({ ...named(entry), token, kind: "finished", sha256, size, contentType, bytes });
    leave(entry, { kind: "finished", ...named(entry), sha256, size });
  };

  const pump = () => {
    while (runs.size < deps.slots) {
      const ready = [...entries.values()].filter(
        ({ name, payload, isStopping }) => payload !== null && !runs.has(name) && !isStopping,
      );
      const next = ready.find(({ job }) => job.priority === "immediate") ?? ready[0];
      if (next === undefined) return;
      begin(next);
    }
  };
  const begin = (entry: Entry) => {
    runs.set(entry.name, scheduler.nowMs());
    entry.startedMs = scheduler.nowMs();
    deps.onBegin(entry.name);
    tell({ kind: "started", ...named(entry) });
    const manner = mannerOf(entry);
    const workMs = computeMs(entry, manner);
    const limitMs = manner === "overrun" ? Infinity : (entry.job.timeout_ms ?? Infinity);
    trace.note(`v2.run-${manner}`, entry.name);
    scheduler.after(Math.min(workMs, limitMs), () => {
      if (!isHere(entry) || entry.isStopping) return;
      if (workMs > limitMs) return fail(entry, { info: "It ran longer than its limit." });
      end(entry, manner);
    });
    if (workMs >= startedMsMin) {
      scheduler.after(startedMsMin, () => {
        if (isHere(entry)) tell({ kind: "long-running", ...named(entry) });
      });
      if (chance.is(0.5)) scheduler.after(progressMsMin, () => report(entry));
    }
  };
  const report = (entry: Entry) => {
    if (!isHere(entry)) return;
    const header = { op: "progress", ...named(entry), percent: 50 } as const;
    tell({ kind: "said", ...named(entry), header, body: new Uint8Array() });
  };
  const end = (entry: Entry, manner: Manner) => {
    switch (manner) {
      case "honest":
      case "overrun":
        return finish(entry);
      case "fail":
        return fail(entry, { logs: chance.is(0.5) ? "line 1\nline 2" : "" });
      case "hopeless":
        return fail(entry, { retryable: false });
      case "release":
        return release(entry, chance.pick(["unsupported", "no_space", "preempted"]));
      case "die":
        return deps.die();
    }
  };

  const mannerOf = ({ payload }: Entry): Manner => {
    const kind = kindOf(payload!);
    if (kind === "poison") return "die";
    if (kind === "broken") return "fail";
    if (deps.isHealing()) return "honest";
    if (deps.isBlackHole || chance.is(knobs.failureRate)) return "fail";
    if (!chance.is(knobs.misbehaviourRate)) return "honest";
    return chance.pick(["release", "die", "hopeless", "overrun", "overrun"]);
  };
  const computeMs = ({ payload }: Entry, manner: Manner): number => {
    // A worker that dies before it has said that the job began may never have got it: nothing is charged then.
    if (manner === "die") return chance.between(1, 2 * startedMsMin);
    if (deps.isBlackHole) return chance.between(1, 20);
    if (manner === "overrun") return chance.between(1_000, 30_000);
    if (kindOf(payload!) === "slow") return chance.between(1_000, 10_000);
    const isLong = !deps.isHealing() && chance.is(knobs.v2LongRate);
    return isLong ? chance.between(100, knobs.v2JobMsMax) : chance.between(1, 150);
  };

  const fetch = async (entry: Entry) => {
    const got = await deps.roads.download(entry.job, () => isHere(entry) && !entry.isStopping);
    if (!isHere(entry)) return;
    if (entry.isStopping || got.kind === "stopped") {
      return release(entry, entry.giveBack ?? "preempted");
    }
    if (got.kind === "gone") return leave(entry, { kind: "gone", ...named(entry) });
    if (got.kind !== "there") return release(entry, "unsupported");
    entry.payload = got.bytes;
    pump();
  };

  const stop = (entry: Entry, giveBack: ReleaseWhy | null) => {
    entry.giveBack = giveBack ?? entry.giveBack;
    if (entry.isStopping) return;
    entry.isStopping = true;
    if (entry.startedMs === null) {
      // Its download sees that it is stopped; what waits for a slot ends now.
      if (entry.payload !== null) release(entry, giveBack ?? "preempted");
      return;
    }
    // Some programs take their time to end.
    scheduler.after(chance.is(0.7) ? 0 : chance.between(0, 4_000), () => {
      if (!isHere(entry)) return;
      if (entry.giveBack !== null) release(entry, entry.giveBack);
      else leave(entry, { kind: "ended", ...named(entry) });
    });
  };

  return {
    take(job, body) {
      const name = nameOf(job);
      const isWith = job.url === undefined;
      const entry: Entry = {
        name,
        job,
        payload: isWith ? body.slice() : null,
        startedMs: null,
        isStopping: false,
        giveBack: null,
      };
      entries.set(name, entry);
      if (!isWith) void fetch(entry);
      else if (sha256Hex(body) !== job.sha256) {
        trace.violate("bytes", `the payload of ${name} does not fit its hash`);
      }
      pump();
    },
    drop(name) {
      if (runs.has(name)) return;
      entries.delete(name);
    },
    stop(name, giveBack) {
      const entry = entries.get(name);
      if (entry !== undefined) stop(entry, giveBack);
    },
    stopAll(giveBack) {
      for (const entry of Array.from(entries.values())) stop(entry, giveBack);
    },
    has: (name) => entries.has(name),
    isEnding: (name) => entries.get(name)?.isStopping ?? true,
    running: () => runs,
    count: () => entries.size,
  };
}

const unexplained: Failure = {
  info: "it did not work",
  logs: "",
  exitCode: 1,
  signal: null,
  retryable: true,
};
