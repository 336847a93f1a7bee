// Workers without a socket: each call may be lost, and is made again under the same word or token. They hold
// the server to its verdicts: whatever it said of a result must be so.

import type { Broker } from "../../src/broker/broker.ts";
import type { Prospect } from "../../src/broker/pull-work.ts";
import type { Verdict } from "../../src/broker/settle.ts";
import type { Chance } from "./chance.ts";
import type { Judge } from "./judge.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Answer, Server } from "./server.ts";
import type { Trace } from "./trace.ts";
import { kindOf, type Works } from "./work.ts";

/** A call that waits for a job, as the server has it. */
export type PullCall = {
  readonly type: string;
  readonly workerId: string;
  readonly sinceMs: number;
  readonly incarnation: number;
};

export type PullersDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly server: Server;
  readonly works: Works;
  readonly judge: Judge;
  readonly calls: Set<PullCall>;
  /** When the server heard last of an attempt. */
  readonly signs: Map<string, number>;
  readonly isHealing: () => boolean;
  /** From then on nobody asks for a job. */
  readonly isOver: () => boolean;
};

type Self = {
  readonly id: string;
  readonly type: string;
  readonly chance: Chance;
  readonly leaseMs: number;
  wordCount: number;
};

/** What a worker was told of the job it took. */
type Taken = {
  readonly seq: number;
  readonly id: string;
  readonly attempt: number;
  readonly token: Uint8Array;
  readonly payload: Uint8Array;
  /** A restart forgets the words under which jobs were taken. */
  readonly incarnation: number;
};

type Manner = "honest" | "fail" | "release" | "vanish" | "slow";

/** Starts every puller; resolves when all have ended. */
export async function runPullers(deps: PullersDeps): Promise<void> {
  const { chance, knobs } = deps;
  const lives: Promise<void>[] = [];
  for (const { name: type } of knobs.types) {
    const count = chance.between(0, knobs.pullersPerTypeMax);
    for (let at = 1; at <= count; at += 1) {
      const id = `p-${type}${at}`;
      const leaseMs = chance.between(1_000, 15_000);
      lives.push(live(deps, { id, type, chance: chance.fork(id), leaseMs, wordCount: 0 }));
    }
  }
  await Promise.all(lives);
}

async function live(deps: PullersDeps, self: Self): Promise<void> {
  while (!deps.isOver()) {
    const taken = await pull(deps, self);
    if (taken !== null) await work(deps, self, taken);
    const awayMs = deps.isHealing() ? 200 : deps.knobs.absenceMsMax;
    await deps.scheduler.sleep(self.chance.is(0.7) ? 0 : self.chance.between(0, awayMs));
  }
}

/** Asks for a job; when the answer is lost, again under the same word. */
async function pull(deps: PullersDeps, self: Self): Promise<Taken | null> {
  const { chance } = self;
  self.wordCount += 1;
  const claim = chance.is(0.7) ? `word ${self.wordCount}` : null;
  let given: Taken | null = null;
  for (let round = 0; round < 10; round += 1) {
    const before: Taken | null = given;
    const answer = await deps.server.call(async (broker) => {
      given = await pullOnce(deps, self, broker, claim);
      return given;
    });
    if (answer.kind === "ok") {
      if (answer.value !== null) deps.trace.note("puller.took", `${self.id} ${answer.value.seq}`);
      if (before !== null && round > 0) requireSame(deps, before, answer.value);
      return answer.value;
    }
    if (answer.kind === "refused" || claim === null) return null;
    deps.trace.note("puller.asks-again");
    await deps.scheduler.sleep(chance.between(10, 1_000));
  }
  return null;
}

async function pullOnce(
  deps: PullersDeps,
  { id, type, leaseMs, chance }: Self,
  broker: Broker,
  claim: string | null,
): Promise<Taken | null> {
  const { scheduler, server, calls } = deps;
  const call = {
    type,
    workerId: id,
    sinceMs: scheduler.nowMs(),
    incarnation: server.incarnation(),
  };
  const patience = new AbortController();
  const waitMs = chance.pick([0, 500, 5_000]);
  if (chance.is(0.1)) scheduler.after(chance.between(0, waitMs), () => patience.abort());
  calls.add(call);
  try {
    const worker = { id, name: `name of ${id}` };
    const asked = { type, worker, address: "10.0.0.2", leaseMs, waitMs, claim };
    const pulled = await broker.pull(asked, patience.signal);
    calls.delete(call);
    if (pulled === null) return null;
    const { job, token } = pulled;
    noteSign(deps, job.seq, job.attempt.n);
    const payload = new Uint8Array(await new Response(pulled.payload as never).arrayBuffer());
    return {
      seq: job.seq,
      id: job.id,
      attempt: job.attempt.n,
      token,
      payload,
      incarnation: call.incarnation,
    };
  } finally {
    calls.delete(call);
  }
}

function noteSign({ signs, scheduler }: PullersDeps, seq: number, attempt: number): void {
  signs.set(`${seq}#${attempt}`, scheduler.nowMs());
}

/** A repeated call gets what the first one got, while that is still held. */
function requireSame(
  { judge, trace, server }: PullersDeps,
  before: Taken,
  now: Taken | null,
): void {
  if (before.incarnation !== server.incarnation()) return;
  const isHeld = judge.cases().get(before.seq)?.open === before.attempt;
  trace.note("puller.asked-again");
  if (!isHeld || (now?.seq === before.seq && now.attempt === before.attempt)) return;
  trace.violate("claim", `job ${before.seq} was taken by a call, and not given to it again`);
}

function mannerOf(
  { knobs, isHealing }: PullersDeps,
  { chance }: Self,
  payload: Uint8Array,
): Manner {
  const kind = kindOf(payload);
  if (kind === "poison") return "vanish";
  if (kind === "broken") return "fail";
  if (isHealing()) return "honest";
  if (chance.is(knobs.failureRate)) return "fail";
  if (!chance.is(knobs.misbehaviourRate)) return "honest";
  return chance.pick(["release", "vanish", "slow"]);
}

async function work(deps: PullersDeps, self: Self, taken: Taken): Promise<void> {
  const { scheduler, trace } = deps;
  const { chance } = self;
  const manner = mannerOf(deps, self, taken.payload);
  if (manner !== "honest") trace.note(`puller.${manner}`, `${self.id} ${taken.seq}`);
  if (manner === "vanish") return;
  if (chance.is(0.02)) await tryWrongToken(deps, taken);
  const workMs = chance.is(0.8) ? chance.between(1, 300) : chance.between(300, 2 * self.leaseMs);
  // A slow one gives no sign of life: its lease runs out, and its result comes late.
  if (manner === "slow") await scheduler.sleep(self.leaseMs + chance.between(0, 20_000));
  else if (!(await keepAlive(deps, self, taken, workMs))) return trace.note("puller.abandons");
  if (manner === "fail") return report(deps, taken, (broker) => failWork(broker, taken));
  if (manner === "release") return report(deps, taken, (broker) => releaseWork(broker, taken));
  const result = deps.works.result(self.type, taken.payload);
  return report(deps, taken, (broker) => completeWork(broker, taken, result));
}

/** Computes with signs of life in between. False when it was told to give up. */
async function keepAlive(deps: PullersDeps, self: Self, taken: Taken, workMs: number) {
  const endsMs = deps.scheduler.nowMs() + workMs;
  while (deps.scheduler.nowMs() < endsMs) {
    const leftMs = endsMs - deps.scheduler.nowMs();
    await deps.scheduler.sleep(Math.min(self.leaseMs / 3, leftMs));
    if (leftMs <= self.leaseMs / 3) return true;
    const answer: Answer<Prospect> = await deps.server.call(async (broker) => {
      const open = await broker.openWork(refOf(taken), taken.attempt, taken.token);
      const prospect = await open.progress({ percent: 50, info: null });
      noteSign(deps, taken.seq, taken.attempt);
      return prospect;
    });
    if (answer.kind === "ok" && answer.value === "abandon") return false;
    if (answer.kind === "refused") return false;
  }
  return true;
}

type Tell = (broker: Broker) => Promise<Verdict>;

/** Tells how it went until the verdict is certain, and holds the server to it. */
async function report(deps: PullersDeps, taken: Taken, tell: Tell): Promise<void> {
  for (;;) {
    const answer = await deps.server.call(tell);
    if (answer.kind === "unknown") {
      deps.trace.note("puller.tells-again");
      await deps.scheduler.sleep(deps.chance.between(10, 1_000));
      continue;
    }
    const said = answer.kind === "ok" ? answer.value : answer.code;
    deps.trace.note(`puller.told-${said}`, `${taken.seq}#${taken.attempt}`);
    if (deps.judge.isDeleted(taken.seq)) return;
    if (!isSo(deps.judge, taken, said)) {
      deps.trace.violate("verdict", `job ${taken.seq}#${taken.attempt} was called ${said}`);
    }
    return;
  }
}

/** True when the verdict fits what is durable. */
function isSo(judge: Judge, { seq, attempt }: Taken, said: string): boolean {
  const known = judge.cases().get(seq);
  const record = known?.record ?? null;
  if (known === undefined || record === null) return false;
  const isOver = attempt <= known.retriedAfter || (known.open ?? 0) !== attempt;
  if (said === "committed") return isOver;
  if (said === "superseded") return record.status === "done" && record.by !== attempt;
  return said === "abandon" && isOver;
}

async function completeWork(broker: Broker, taken: Taken, result: Uint8Array): Promise<Verdict> {
  const open = await broker.openWork(refOf(taken), taken.attempt, taken.token);
  const limits = { sizeBytesMax: 100_000, contentType: null };
  const staged = await broker.stage(once(result), limits);
  const verdict = await open.complete(staged);
  if (verdict !== "committed") return verdict;
  // What was committed is there, for whoever reads it now.
  const view = await broker.get(refOf(taken)).catch(() => null);
  return view === null || (view.status === "done" && view.by === taken.attempt)
    ? verdict
    : "conflict";
}

async function failWork(broker: Broker, taken: Taken): Promise<Verdict> {
  const open = await broker.openWork(refOf(taken), taken.attempt, taken.token);
  return open.fail({ info: "it did not work", logs: null, retryable: true });
}

async function releaseWork(broker: Broker, taken: Taken): Promise<Verdict> {
  const open = await broker.openWork(refOf(taken), taken.attempt, taken.token);
  return open.release("no room");
}

async function tryWrongToken({ server, trace, judge }: PullersDeps, taken: Taken): Promise<void> {
  const wrong = taken.token.map((byte) => byte ^ 1);
  const answer = await server.call((broker) => broker.openWork(refOf(taken), taken.attempt, wrong));
  if (answer.kind === "unknown" || judge.isDeleted(taken.seq)) return;
  trace.note("puller.wrong-token");
  if (answer.kind !== "refused" || answer.code !== "forbidden") {
    trace.violate("token", `a wrong token opened job ${taken.seq}`);
  }
}

function refOf({ id }: Taken) {
  return { by: "id", id } as const;
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
