// Classic workers, written from PROTOCOL.md section 5 alone: most are honest, some are slow, forgetful, rude,
// or die. They compute the one right result of `work.ts`, or say that they failed.

import type { Chance } from "./chance.ts";
import type { Knobs } from "./knobs.ts";
import type { About, Frame, Link, Network } from "./network.ts";
import type { Scheduler } from "./scheduler.ts";
import { rightToken } from "./server.ts";
import type { Trace } from "./trace.ts";
import { kindOf, type Works } from "./work.ts";

export type WorkersDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly network: Network;
  readonly works: Works;
  /** From then on nobody misbehaves. */
  readonly isHealing: () => boolean;
  /** From then on workers hang up and do not come back. */
  readonly isOver: () => boolean;
  /** Tells of each link since when the worker behind it has nothing to do, or null. */
  readonly idleSince: WeakMap<Link, () => number | null>;
};

type Self = {
  readonly id: string;
  readonly type: string;
  readonly chance: Chance;
  readonly isBlackHole: boolean;
  /** Leaves for good when healing begins: the others must do. */
  readonly isRetiring: boolean;
  /** Says that it is ready without being asked, as soon as it is. */
  readonly isEager: boolean;
};

/** What a worker does with a job it was given. */
type Manner =
  "honest" | "fail" | "forget" | "silent" | "vanish" | "garbage" | "twice" | "early-end" | "die";

/** Starts every worker; resolves when all have left. */
export async function runWorkers(deps: WorkersDeps): Promise<void> {
  const { chance, knobs } = deps;
  const selves: Self[] = [];
  for (const { name: type } of knobs.types) {
    const count = chance.between(1, knobs.workersPerTypeMax);
    for (let at = 1; at <= count; at += 1) {
      // Ids are labels: now and then two workers share one.
      const isNamesake = at > 1 && chance.is(0.1);
      const id = `w-${type}${isNamesake ? at - 1 : at}`;
      const isBlackHole = knobs.failureRate > 0 && chance.is(0.15);
      const isRetiring = at < count && chance.is(0.3);
      const isEager = chance.is(0.2);
      const its = { isBlackHole, isRetiring, isEager };
      selves.push({ id, type, chance: chance.fork(`${type}${at}`), ...its });
    }
  }
  await Promise.all(selves.map((self) => live(deps, self)));
}

async function live(deps: WorkersDeps, self: Self): Promise<void> {
  const { chance } = self;
  while (!deps.isOver() && !(self.isRetiring && deps.isHealing())) {
    const link = await deps.network.connect(self.id, self.type);
    if (link !== null) {
      deps.trace.note("worker.connected", `${link.connection} ${self.id}`);
      await converse(deps, self, link);
      deps.trace.note("worker.left", link.connection);
    }
    await deps.scheduler.sleep(
      chance.between(20, deps.isHealing() ? 500 : deps.knobs.absenceMsMax),
    );
  }
}

type Talk = {
  readonly link: Link;
  /** The job it has, as an object of its own: what comes late is told by identity. */
  job: { readonly payload: Uint8Array } | null;
  jobsRead: number;
  busyUntilMs: number;
  /** When it had a job last. */
  freeSinceMs: number;
};

async function converse(deps: WorkersDeps, self: Self, link: Link): Promise<void> {
  const { scheduler, trace } = deps;
  const talk: Talk = { link, job: null, jobsRead: 0, busyUntilMs: 0, freeSinceMs: 0 };
  const hasReadAll = () => link.jobsSent() === talk.jobsRead;
  const isFree = () => talk.job === null && scheduler.nowMs() >= talk.busyUntilMs;
  deps.idleSince.set(link, () => {
    return hasReadAll() && isFree() ? Math.max(talk.freeSinceMs, talk.busyUntilMs) : null;
  });
  if (!register(deps, self, talk)) trace.note("worker.stranger");
  else if (self.isEager) say(talk, "ready");
  for (;;) {
    const frame = await link.receive();
    if (frame === null) return;
    if (typeof frame === "string") {
      if (frame !== '{"code":2}') trace.violate("protocol", `the server said ${frame}`);
      answer(deps, self, talk);
      continue;
    }
    talk.jobsRead += 1;
    if (talk.job !== null) trace.violate("I12", `${link.connection} was given a second job`);
    talk.job = { payload: frame };
    void compute(deps, self, talk).catch((error: unknown) => trace.violate("sim", String(error)));
    if (scheduler.nowMs() < talk.busyUntilMs) trace.note("worker.job-while-busy");
  }
}

/** Says who it is, rightly or not. */
function register(deps: WorkersDeps, self: Self, { link }: Talk): boolean {
  const { knobs, trace } = deps;
  const { chance } = self;
  const said = { code: 0, name: `name of ${self.id}`, id: self.id, token: rightToken };
  if (deps.isHealing() || !chance.is(knobs.misbehaviourRate / 2)) {
    link.say(JSON.stringify(said), { says: "registered", jobsRead: 0 });
    return true;
  }
  const rudeness = chance.pick(["wrong-token", "mute", "stranger", "garbage"] as const);
  trace.note(`worker.${rudeness}`);
  if (rudeness === "wrong-token") link.say(JSON.stringify({ ...said, token: "wrong" }));
  if (rudeness === "stranger") link.say('{"code":1,"status":1}');
  if (rudeness === "garbage") link.say("{");
  return false;
}

function answer(deps: WorkersDeps, self: Self, talk: Talk): void {
  const { scheduler, trace } = deps;
  const isBusy = talk.job !== null || scheduler.nowMs() < talk.busyUntilMs;
  if (isBusy && talk.job === null) trace.note("worker.busy-on-its-own");
  if (self.isRetiring && deps.isHealing()) return talk.link.hangUp();
  say(talk, isBusy ? "busy" : "ready");
  if (!deps.isHealing() && talk.job === null && self.chance.is(deps.knobs.misbehaviourRate / 10)) {
    trace.note("worker.hangs-up-idle");
    talk.link.hangUp();
  }
}

function say(talk: Talk, says: "ready" | "busy"): void {
  tell(talk, JSON.stringify({ code: 1, status: says === "ready" ? 1 : 0 }), says);
}

function tell({ link, jobsRead }: Talk, frame: Frame, says: About["says"]): void {
  link.say(frame, { says, jobsRead });
}

function putDown({ scheduler }: WorkersDeps, talk: Talk): void {
  talk.job = null;
  talk.freeSinceMs = scheduler.nowMs();
}

function mannerOf({ knobs, isHealing }: WorkersDeps, self: Self, payload: Uint8Array): Manner {
  const { chance } = self;
  const kind = kindOf(payload);
  if (kind === "poison") return "die";
  if (kind === "broken") return "fail";
  if (isHealing()) return "honest";
  if (self.isBlackHole || chance.is(knobs.failureRate)) return "fail";
  if (!chance.is(knobs.misbehaviourRate)) return "honest";
  const manners = ["forget", "silent", "vanish", "garbage"] as const;
  // Who volunteers that it is ready must not speak twice of one job: nobody could tell of which.
  return chance.pick(self.isEager ? manners : [...manners, "twice", "early-end"]);
}

async function compute(deps: WorkersDeps, self: Self, talk: Talk): Promise<void> {
  const { scheduler, trace } = deps;
  const { link, job } = talk;
  const { payload } = job!;
  const manner = mannerOf(deps, self, payload);
  if (manner !== "honest") trace.note(`worker.${manner}`, link.connection);
  const isHere = () => link.isUp() && talk.job === job;
  if (self.isRetiring && deps.isHealing()) return link.hangUp();
  await scheduler.sleep(computeMs(self, payload, manner) / 2);
  if (isHere() && self.chance.is(0.3)) progress(self, talk);
  await scheduler.sleep(computeMs(self, payload, manner) / 2);
  if (!isHere()) return;
  trace.note("worker.ends", `${link.connection} ${manner}`);
  switch (manner) {
    case "honest":
      return deliver(deps, self, talk);
    case "twice":
      deliver(deps, self, talk);
      return tell(talk, deps.works.result(self.type, payload), "result");
    case "early-end":
      // A result, and a failure of the same job right behind it.
      deliver(deps, self, talk);
      return tell(talk, '{"code":4,"info":"too late","logs":null}', "failed");
    case "fail":
      putDown(deps, talk);
      rest(deps, self, talk);
      return tell(talk, failure(self), "failed");
    case "forget":
      putDown(deps, talk);
      return say(talk, "ready");
    case "garbage":
      // Some of it closes the link, some is tolerated; then the result follows.
      tell(talk, self.chance.pick(["", "[]", '{"code":9}', '{"code":3}', "nonsense"]), "other");
      await scheduler.sleep(300);
      return isHere() ? deliver(deps, self, talk) : undefined;
    case "vanish":
    case "die":
      return link.cut();
    case "silent":
      return keepSilent(deps, self, talk);
  }
}

function computeMs({ chance, isBlackHole }: Self, payload: Uint8Array, manner: Manner): number {
  if (isBlackHole || manner === "die") return chance.between(1, 20);
  if (kindOf(payload) === "slow") return chance.between(1_000, 10_000);
  return chance.is(0.1) ? chance.between(100, 2_500) : chance.between(1, 150);
}

function progress({ chance }: Self, talk: Talk): void {
  const percent = chance.is(0.7) ? chance.between(0, 100) : null;
  const info = percent === null || chance.is(0.5) ? "half of it" : null;
  tell(talk, JSON.stringify({ code: 3, percent, info }), "other");
}

function failure({ chance }: Self): string {
  const info = chance.is(0.8) ? "it did not work" : null;
  return JSON.stringify({ code: 4, info, logs: chance.is(0.5) ? "line 1\nline 2" : null });
}

function deliver(deps: WorkersDeps, self: Self, talk: Talk): void {
  const { payload } = talk.job!;
  putDown(deps, talk);
  rest(deps, self, talk);
  tell(talk, deps.works.result(self.type, payload), "result");
  if (self.isEager && deps.scheduler.nowMs() >= talk.busyUntilMs) say(talk, "ready");
}

/** Now and then a worker has something else to do after a job, and says busy when it is asked. */
function rest({ scheduler, isHealing }: WorkersDeps, { chance }: Self, talk: Talk): void {
  if (isHealing() || !chance.is(0.03)) return;
  talk.busyUntilMs = scheduler.nowMs() + chance.between(500, 20_000);
}

/** Says nothing for long: its result comes late, or never. */
async function keepSilent(deps: WorkersDeps, self: Self, talk: Talk): Promise<void> {
  const { job, link } = talk;
  const untilMs = deps.scheduler.nowMs() + self.chance.between(2_000, 40_000);
  while (deps.scheduler.nowMs() < untilMs && !deps.isHealing()) await deps.scheduler.sleep(1_000);
  if (!link.isUp() || talk.job !== job) return;
  if (self.chance.is(0.5)) return link.cut();
  deps.trace.note("worker.late");
  deliver(deps, self, talk);
}
