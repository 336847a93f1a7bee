// Asks again and again why something that concerns v2 workers has not happened by now: one that computes what nobody
// wants was not told, one that came back without an attempt still holds it in the server's eyes, one that knows no
// time limit runs on.

import type { Case, Judge } from "./judge.ts";
import { isV2 } from "./judge.ts";
import type { Disk } from "./disk.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";
import type { Trace } from "./trace.ts";
import { overrunMs, type Onlooker, type Talk } from "./v2-onlooker.ts";

export type V2LivenessDeps = {
  readonly scheduler: Scheduler;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly judge: Judge;
  readonly onlooker: Onlooker;
  readonly server: Server;
  readonly disk: Disk;
};

/** So late the server may try again what a full disk refused: its alarm rings again after 5 s. */
const fullMsMax = 7_000;

export function createV2Liveness(deps: V2LivenessDeps): { look(): void } {
  const { scheduler, knobs, trace, judge, onlooker, server, disk } = deps;
  /** Commits, frames there and back, and the time between two looks. */
  const patienceMs =
    2_000 + knobs.blobMsMax + 4 * knobs.commitMsMax + 2 * knobs.linkMsMax * knobs.linkSlownessMax;
  let sinceByWhat = new Map<string, number>();

  /** Names of what should have ended, with the promise that says so. */
  const overdue = (): readonly (readonly [promise: string, what: string])[] => {
    const found: (readonly [string, string])[] = [];
    const readyByWorker = new Map<string, Talk>();
    for (const talk of onlooker.talks()) {
      if (talk.window === null || talk.lists.length > 0 || !talk.link.isWhole()) continue;
      if (talk.workerId !== null) readyByWorker.set(talk.workerId, talk);
      for (const name of talk.holder.running().keys()) {
        if (isUnwanted(name) && !talk.holder.isEnding(name)) {
          found.push(["T12", `${name}, which nobody wants, at ${talk.connection}`]);
        }
      }
    }
    for (const known of judge.active().values()) {
      if (known.record?.status !== "running" || !isV2(known.record)) continue;
      const name = `${known.id}.${known.lastAttempt}`;
      const talk = readyByWorker.get(known.record.attempt.worker.id);
      if (talk !== undefined && !talk.hands.has(name) && !talk.holder.has(name)) {
        found.push(["T9", `${name}, which ${talk.connection} does not have`]);
      }
      if (isOverrun(known, name)) found.push(["due", `${name}, beyond its time limit`]);
    }
    return found;
  };

  const isUnwanted = (name: string) => {
    const known = judge.byId(name.slice(0, name.lastIndexOf(".")));
    return known === null || (known.status !== "pending" && known.status !== "running");
  };

  const isOverrun = ({ record, claimedMs }: Case, name: string) => {
    const limitMs =
      record!.options.timeoutMs ??
      knobs.types.find((type) => type.name === record!.type)!.timeoutMs;
    const runningMs = onlooker.runningSinceMs(name);
    if (limitMs === null || runningMs === null) return false;
    const sinceMs = Math.max(runningMs, claimedMs, server.startedMs());
    return scheduler.nowMs() > sinceMs + limitMs + overrunMs;
  };

  return {
    look() {
      const broker = server.broker();
      const isExcused = scheduler.nowMs() - disk.fullAtMs() < fullMsMax;
      if (broker === null || !broker.isAccepting() || isExcused) {
        sinceByWhat = new Map();
        return;
      }
      const next = new Map<string, number>();
      for (const [promise, what] of overdue()) {
        const since = sinceByWhat.get(what) ?? scheduler.nowMs();
        next.set(what, since);
        if (scheduler.nowMs() - since < patienceMs) continue;
        trace.violate(promise, `${what}, since ${since}`);
      }
      sinceByWhat = next;
    },
  };
}
