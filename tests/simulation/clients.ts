// Clients of the API: they submit, wait, repair and clean up, all at once and with little patience. Whatever
// they were told is held against what is durable at that moment.

import type { Broker, JobView, Submitted } from "../../src/broker/broker.ts";
import { frameBodyBytesMax } from "../../src/domain/limits.ts";
import type { ChangeName } from "../../src/domain/event.ts";
import type { JobRef } from "../../src/domain/key.ts";
import type { Chance } from "./chance.ts";
import type { Judge } from "./judge.ts";
import { limitedGroup, type Knobs } from "./knobs.ts";
import { mayBeGone, type Ledger, type Order } from "./ledger.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Answer, Server } from "./server.ts";
import { wallStartsAt, type Wall } from "./sim-clock.ts";
import type { Trace } from "./trace.ts";
import type { PayloadKind, Works } from "./work.ts";

export type ClientsDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly server: Server;
  readonly ledger: Ledger;
  readonly judge: Judge;
  readonly works: Works;
  readonly wall: Wall;
  readonly isHealing: () => boolean;
};

/** From the settling of a job until those who wait for it are told: disks and networks take their time. */
const promptMsMax = 2_000;

type Self = {
  readonly name: string;
  readonly chance: Chance;
  readonly orders: Order[];
  count: number;
};

const acts = {
  submit: 40,
  burst: 4,
  replay: 5,
  "other-bytes": 3,
  wait: 12,
  look: 6,
  cancel: 8,
  retry: 10,
  hold: 3,
  unhold: 5,
  delete: 5,
  "delete-force": 4,
  kick: 1,
  overview: 3,
} as const;
type Act = keyof typeof acts;

/** Runs every client until healing begins; resolves when each has finished what it was about. */
export async function runClients(deps: ClientsDeps): Promise<void> {
  const { knobs, chance } = deps;
  const lives: Promise<void>[] = [];
  for (let at = 1; at <= knobs.clientCount; at += 1) {
    const name = `c${at}`;
    lives.push(live(deps, { name, chance: chance.fork(name), orders: [], count: 0 }));
  }
  await Promise.all(lives);
}

async function live(deps: ClientsDeps, self: Self): Promise<void> {
  const aside: Promise<void>[] = [];
  while (!deps.isHealing()) {
    const act = self.chance.weighted<Act>(acts);
    const doing = perform(deps, self, act);
    // Some things are left to go on while the next is begun, so that calls for one job meet.
    if (self.chance.is(0.4)) aside.push(doing);
    else await doing;
    await deps.scheduler.sleep(self.chance.between(0, deps.knobs.clientPauseMsMax));
  }
  await Promise.all(aside);
}

async function perform(deps: ClientsDeps, self: Self, act: Act): Promise<void> {
  const { chance } = self;
  if (act === "submit") return submit(deps, newOrder(deps, self));
  if (act === "burst") {
    const orders = Array.from({ length: chance.between(2, 50) }, () => newOrder(deps, self));
    await Promise.all(orders.map((order) => submit(deps, order)));
    return;
  }
  if (act === "kick") return kick(deps, self);
  if (act === "overview") return overview(deps, self);
  const known = self.orders.filter((order) => order.acknowledged !== null && !order.isDeleted);
  if (known.length === 0) return;
  // Mostly a recent job, for old ones are settled.
  const order = (act === "retry" ? ended(deps, self, known) : null) ?? recent(self, known);
  switch (act) {
    case "replay":
      return submit(deps, order);
    case "other-bytes":
      return otherBytes(deps, order);
    case "wait":
      return wait(deps, self, order);
    case "look":
      return look(deps, self, order);
    case "delete":
    case "delete-force":
      return remove(deps, self, order, act === "delete-force");
    case "cancel":
    case "retry":
    case "hold":
    case "unhold":
      return operate(deps, refOf(self, order), act);
  }
}

/** Mostly one of the last, for old jobs are settled. */
function recent({ chance }: Self, known: readonly Order[]): Order {
  return chance.is(0.7)
    ? known.at(-chance.between(1, Math.min(8, known.length)))!
    : chance.pick(known);
}

/** One that failed or was cancelled, as far as a client may know. */
function ended({ judge }: ClientsDeps, { chance }: Self, known: readonly Order[]): Order | null {
  const found = known.filter(({ acknowledged }) => {
    const status = judge.cases().get(acknowledged!.seq)?.status;
    return status === "failed" || status === "cancelled";
  });
  return found.length === 0 ? null : chance.pick(found);
}

function newOrder({ works, knobs, ledger, wall, scheduler }: ClientsDeps, self: Self): Order {
  const { chance } = self;
  const type = chance.pick(knobs.types).name;
  const kind: PayloadKind = chance.is(knobs.poisonRate)
    ? chance.pick(["poison", "broken", "slow"] as const)
    : "fine";
  const isOversize = chance.is(knobs.oversizeRate);
  const isLarge = !isOversize && chance.is(knobs.largeRate);
  const small = isOversize ? knobs.classicBytesMax + 1 : chance.pick([0, 20, 48, 49, 200, 400]);
  const sizeBytes = isLarge ? frameBodyBytesMax + 1 : small;
  const nowWall = wallStartsAt + scheduler.nowMs() + wall.offsetMs;
  const group = chance.is(0.3) ? chance.pick(["g1", "g2"]) : null;
  self.count += 1;
  const order: Order = {
    key: keyFor(self),
    type,
    priority: chance.is(0.3) ? "immediate" : "batch",
    group,
    options: {
      maxAttempts: chance.is(0.1) ? chance.between(1, 4) : null,
      timeoutMs: chance.is(0.1) ? chance.between(1, 4_000) : null,
      notBefore: chance.is(0.1) ? nowWall + chance.between(0, knobs.putOffMsMax) : null,
      deadline: chance.is(0.1) ? nowWall + chance.between(0, knobs.putOffMsMax) : null,
      hold: chance.is(0.04),
      groupRunningMax: group === limitedGroup ? knobs.groupRunningMax : null,
      requires: null,
    },
    payload: works.payload(kind, sizeBytes),
    acknowledged: null,
    submitsUnderWay: 0,
    deletesUnderWay: 0,
    isDeleted: false,
  };
  ledger.open(order);
  self.orders.push(order);
  return order;
}

/** Mostly a fresh key; now and then one that a deletion freed, or one that a successor would like to have. */
function keyFor({ name, chance, orders, count }: Self): string {
  const freed = orders.filter(
    ({ isDeleted, key }) => isDeleted && orders.findLast((o) => o.key === key)!.isDeleted,
  );
  if (freed.length > 0 && chance.is(0.3)) return chance.pick(freed).key;
  const isGreedy = chance.is(0.03);
  return `${name}-${isGreedy ? count + 1 : count}${isGreedy ? "/b" : ""}`;
}

/** Sends a submission until the answer is certain: the same key and bytes are one job. */
async function submit(deps: ClientsDeps, order: Order): Promise<void> {
  if (mayBeGone(order)) return;
  order.submitsUnderWay += 1;
  for (let round = 0; ; round += 1) {
    const answer = await deps.server.call((broker) => send(broker, order, deps));
    if (answer.kind === "unknown") {
      deps.trace.note("client.submit-unknown");
      await deps.scheduler.sleep(deps.chance.between(50, 2_000));
      continue;
    }
    order.submitsUnderWay -= 1;
    if (answer.kind === "ok") return accept(deps, order, answer.value, round);
    deps.trace.note("client.submit-refused", answer.code);
    // A successor of another job may have come to the key first: the one lawful refusal.
    const isTaken = answer.code === "key-taken" && order.key.includes("/");
    if (isTaken && order.acknowledged === null) order.isDeleted = true;
    else deps.trace.violate("R-12", `${order.key} was refused: ${answer.code}`);
    return;
  }
}

function accept(
  { trace, ledger, judge }: ClientsDeps,
  order: Order,
  told: Submitted,
  round: number,
) {
  trace.note(told.isReplay ? "client.replayed" : "client.submitted", `${order.key} ${told.seq}`);
  if (round > 0) trace.note("client.submitted-again");
  const before = order.acknowledged;
  if (before !== null && (before.id !== told.id || before.seq !== told.seq)) {
    trace.violate("R-12", `${order.key} was ${before.seq} and is ${told.seq}`);
  }
  if (before !== null && !told.isReplay) trace.violate("R-12", `${order.key} was accepted twice`);
  ledger.acknowledge(order, told);
  requireStanding(judge, trace, order);
}

/** I1: what was acknowledged exists, unless its deletion was asked for. */
export function requireStanding(judge: Judge, trace: Trace, order: Order): void {
  const told = order.acknowledged;
  if (told === null || mayBeGone(order)) return;
  const standing = judge.cases().get(told.seq);
  if (standing?.id === told.id && standing.key === order.key) return;
  trace.violate("I1", `job ${told.seq} (${order.key}) was acknowledged and does not exist`);
}

async function send(
  broker: Broker,
  order: Order,
  { chance, scheduler }: ClientsDeps,
): Promise<Submitted> {
  const type = broker.requireType(order.type);
  const payload = await broker.stage(inPieces(order.payload, chance, scheduler), {
    sizeBytesMax: type.payloadBytesMax,
    contentType: null,
  });
  // The other fields of a form may come behind the bytes, slowly.
  if (chance.is(0.05)) await scheduler.sleep(chance.between(0, 1_000));
  const { key, priority, group, options } = order;
  const notes = { description: null, labels: null };
  return broker.submit({ ...notes, key, type: order.type, priority, group, options, payload });
}

async function* inPieces(bytes: Uint8Array, chance: Chance, scheduler: Scheduler) {
  const size = chance.pick([7, 100, 1_000]);
  for (let at = 0; at < bytes.length; at += size) {
    if (chance.is(0.1)) await scheduler.sleep(chance.between(1, 20));
    yield bytes.subarray(at, at + size);
  }
}

async function otherBytes(deps: ClientsDeps, order: Order): Promise<void> {
  if (mayBeGone(order)) return;
  const other = { ...order, payload: new TextEncoder().encode(`other ${order.key}`) };
  order.submitsUnderWay += 1;
  const answer = await deps.server.call((broker) => send(broker, other, deps));
  order.submitsUnderWay -= 1;
  if (answer.kind === "unknown") return;
  deps.trace.note("client.other-bytes");
  const isRefused = answer.kind === "refused" && answer.code === "key-taken";
  if (!isRefused) deps.trace.violate("R-12", `${order.key} was taken with other bytes`);
}

/** By number, id or key, as it comes. */
function refOf({ chance }: Self, { acknowledged, key }: Order): JobRef {
  const { id, seq } = acknowledged!;
  return chance.pick<JobRef>([
    { by: "seq", seq },
    { by: "id", id },
    { by: "key", key },
  ]);
}

async function wait(deps: ClientsDeps, self: Self, order: Order): Promise<void> {
  const patience = new AbortController();
  const waitMs = self.chance.between(0, 60_000);
  const isToEnd = self.chance.is(0.3);
  if (self.chance.is(0.3)) {
    deps.scheduler.after(self.chance.between(0, 5_000), () => patience.abort());
  }
  const ref = refOf(self, order);
  const askedMs = deps.scheduler.nowMs();
  const answer = await deps.server.call((broker) =>
    isToEnd
      ? broker.waitForEndOfChain(ref, waitMs, patience.signal)
      : broker.wait(ref, waitMs, patience.signal),
  );
  deps.trace.note(`client.wait-${answer.kind}`);
  if (answer.kind === "refused") return refusedLook(deps, order, answer.code);
  if (answer.kind !== "ok") return;
  if (!isToEnd) requirePromptness(deps, answer.value.seq, askedMs);
  if (answer.value.status === "done") await fetch(deps, answer.value);
}

/** Who waits for a job is told as soon as it settles. */
function requirePromptness({ judge, scheduler, trace }: ClientsDeps, seq: number, askedMs: number) {
  const known = judge.cases().get(seq);
  if (known === undefined || known.status === "pending" || known.status === "running") return;
  const lateMs = scheduler.nowMs() - Math.max(known.changedMs, askedMs);
  if (lateMs > promptMsMax) trace.violate("wait", `told ${lateMs} ms after job ${seq} settled`);
}

async function look(deps: ClientsDeps, self: Self, order: Order): Promise<void> {
  const answer = await deps.server.call((broker) => broker.get(refOf(self, order)));
  if (answer.kind === "refused") return refusedLook(deps, order, answer.code);
  if (answer.kind === "ok" && answer.value.status === "done") await fetch(deps, answer.value);
  const past = await deps.server.call((broker) => broker.history(refOf(self, order)));
  if (past.kind === "ok") deps.trace.note("client.looked");
}

function refusedLook({ trace }: ClientsDeps, order: Order, code: string): void {
  if (code === "no-such-job" && mayBeGone(order)) return;
  trace.violate("I1", `${order.key} was acknowledged and cannot be seen: ${code}`);
}

/** The result that a client gets must be the right one, whole. */
async function fetch(deps: ClientsDeps, view: JobView): Promise<void> {
  if (view.status !== "done") return;
  const { result } = view;
  const answer = await deps.server.call(async (broker) => {
    const bytes = await broker.open(result);
    return bytes instanceof Uint8Array
      ? bytes
      : new Uint8Array(await new Response(bytes).arrayBuffer());
  });
  if (answer.kind === "unknown") return;
  const source = deps.works.known(view.payload.sha256)!;
  const right = deps.works.result(view.type, source);
  if (answer.kind === "ok" && Bun.deepEquals(Uint8Array.from(answer.value), right)) {
    return deps.trace.note("client.fetched");
  }
  if (deps.judge.isDeleted(view.seq)) return;
  deps.trace.violate(
    "I9",
    `the result of job ${view.seq} cannot be read: ${JSON.stringify(answer)}`,
  );
}

const changeOf = { cancel: "cancelled", retry: "retried", hold: "held", unhold: "unheld" } as const;
type Verb = keyof typeof changeOf;

/** Why a verb may be refused; the job may also have been deleted meanwhile. */
const lawful: Record<Verb, readonly string[]> = {
  cancel: ["already-done", "no-such-job"],
  retry: ["already-done", "still-active", "no-such-job"],
  hold: ["already-done", "still-active", "no-such-job"],
  unhold: ["no-such-job"],
};

async function operate(deps: ClientsDeps, ref: JobRef, verb: Verb): Promise<void> {
  const answer = await deps.server.call((broker) => broker[verb](ref));
  deps.trace.note(`client.${verb}-${answer.kind}`, answer.kind === "refused" ? answer.code : "");
  if (answer.kind === "refused" && !lawful[verb].includes(answer.code)) {
    deps.trace.violate("I2", `${verb} was refused: ${answer.code}`);
  }
  if (answer.kind !== "ok") return;
  const { seq } = answer.value;
  const wasHeldAtFirst = verb === "hold" && answer.value.options.hold;
  // "Unhold" of a job that is not held is no error, and leaves no event.
  if (wasHeldAtFirst || verb === "unhold") return;
  requireEvent(deps, seq, changeOf[verb]);
}

function requireEvent({ judge, trace }: ClientsDeps, seq: number, change: ChangeName): void {
  if (judge.isDeleted(seq)) return;
  if (judge.cases().get(seq)?.seen.has(change) === true) return;
  trace.violate("I1", `it was acknowledged that job ${seq} is ${change}, and it never was`);
}

async function remove(deps: ClientsDeps, self: Self, order: Order, force: boolean): Promise<void> {
  const { judge, trace } = deps;
  if (order.submitsUnderWay > 0 || mayBeGone(order)) return;
  const { seq, id } = order.acknowledged!;
  order.deletesUnderWay += 1;
  for (;;) {
    const answer = await deps.server.call((broker) => broker.remove({ by: "id", id }, { force }));
    if (answer.kind === "unknown") {
      await deps.scheduler.sleep(self.chance.between(50, 2_000));
      continue;
    }
    trace.note(`client.delete-${answer.kind}`, answer.kind === "refused" ? answer.code : "");
    order.deletesUnderWay -= 1;
    if (answer.kind === "refused" && answer.code === "still-active") return;
    order.isDeleted = true;
    if (!judge.isDeleted(seq)) trace.violate("I1", `job ${seq} was deleted and still exists`);
    return;
  }
}

async function kick({ server, trace }: ClientsDeps, { chance }: Self): Promise<void> {
  const answer = await server.call(async (broker) => {
    const workers = broker.workers();
    if (workers.length > 0) broker.kick(chance.pick(workers).connection);
    return workers.length;
  });
  if (answer.kind === "ok" && answer.value > 0) trace.note("client.kick");
}

async function overview({ server, trace, knobs }: ClientsDeps, { chance }: Self): Promise<void> {
  const type = chance.pick(knobs.types).name;
  const answer: Answer<unknown> = await server.call(async (broker) => {
    await broker.stats();
    await broker.batch(type, 0);
    await broker.count({ type });
    return broker.list({ filter: { type }, order: "newest", limit: 20, after: null });
  });
  if (answer.kind === "ok") trace.note("client.overview");
}

/** Once the faults are over: what would wait for ever is let go or called off. */
export async function tidyUp(deps: ClientsDeps): Promise<void> {
  for (const { seq, record } of Array.from(deps.judge.cases().values())) {
    if (record?.status !== "pending") continue;
    const ref = { by: "seq", seq } as const;
    const isTooLarge = record.payload.size > deps.knobs.classicBytesMax;
    if (isTooLarge) await certain(deps, (broker) => broker.cancel(ref));
    else if (record.held) await certain(deps, (broker) => broker.unhold(ref));
  }
}

async function certain<T>(deps: ClientsDeps, verb: (broker: Broker) => Promise<T>): Promise<void> {
  while ((await deps.server.call(verb)).kind === "unknown") await deps.scheduler.sleep(500);
}
