// One process of a simulated v2 worker: the product's own conversation, with everything around it simulated. Does what
// the conversation decides and tells it what happened, as the agent does.

import { nameOf } from "../../src/agent/conversation/attempts.ts";
import {
  createConversation,
  type Conversation,
} from "../../src/agent/conversation/conversation.ts";
import type {
  AttemptName,
  Effect,
  Input,
} from "../../src/agent/conversation/conversation-words.ts";
import { toInput } from "../../src/agent/conversation/hear.ts";
import { toEndMessage } from "../../src/agent/spool/outcome.ts";
import { packFrames } from "../../src/agent/conversation/pack-frames.ts";
import { unreachable } from "../../src/domain/assert.ts";
import { joinBytes } from "../../src/domain/join-bytes.ts";
import { deliverMsMax, quietLinkMs } from "../../src/domain/limits-worker.ts";
import { suspectMs } from "../../src/domain/limits.ts";
import { decodeFrame, encodeMessage } from "../../src/protocol/frame.ts";
import { closeCodes } from "../../src/protocol/worker-messages.ts";
import type { Chance } from "./chance.ts";
import type { Judge } from "./judge.ts";
import type { Knobs } from "./knobs.ts";
import type { Mutant } from "./mutants.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";
import type { Trace } from "./trace.ts";
import type { V2Network, Wire } from "./v2-network.ts";
import type { Holder, Onlooker } from "./v2-onlooker.ts";
import { createV2Roads } from "./v2-roads.ts";
import { openSimSpool, type SpoolDisk } from "./v2-spool.ts";
import { createV2Work } from "./v2-work.ts";
import type { Works } from "./work.ts";

/** What outlives the processes of a worker. */
export type Machine = {
  readonly name: string;
  workerId: string;
  renewals: number;
  /** Until then it reaches nobody. */
  unpluggedUntilMs: number;
  readonly types: readonly string[];
  readonly slots: number;
  readonly window: number;
  readonly isBlackHole: boolean;
  /** Goes for good when healing begins. */
  readonly isRetiring: boolean;
  readonly disk: SpoolDisk;
};

export type V2Process = {
  readonly holder: Holder;
  /** Resolves when it is gone. */
  readonly done: Promise<void>;
  /** Gone this instant. */
  kill(): void;
  /** Ends what it has within the time, gives the rest back, delivers and leaves. */
  drain(withinMs: number): void;
  /** For a while it wants to hold no more than so many jobs. */
  squeeze(window: number, ms: number): void;
  /** Its link is dropped at this end. */
  hangUp(): void;
  connection(): string | null;
  /** Nothing is in its hands, and nothing waits to be delivered. */
  isEmpty(): boolean;
};

export type V2ProcessDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly works: Works;
  readonly server: Server;
  readonly network: V2Network;
  readonly onlooker: Onlooker;
  readonly mutant: Mutant | null;
  readonly judge: Judge;
  readonly isHealing: () => boolean;
};

export function startProcess(deps: V2ProcessDeps, machine: Machine, bootId: string): V2Process {
  const { scheduler, chance, knobs, trace, network, onlooker } = deps;
  const { promise: done, resolve: settleDone } = Promise.withResolvers<void>();
  const spool = openSimSpool(machine.disk, { ...deps, syncMsMax: knobs.v2SyncMsMax });
  const roads = createV2Roads({ ...deps, isUnplugged: () => holder.isUnplugged() });
  /** Attempts of which it was told that their ends may be forgotten. */
  const settled = new Set<string>();
  const uploads = new Set<string>();
  const inbox: Input[] = [];
  let isTelling = false;
  let isAlive = true;
  let wire: Wire | null = null;
  let heardMs = 0;
  let outbox: Uint8Array[] = [];
  /** Of the link that stands: timers of a former one are nobody's. */
  let linkCount = 0;

  const sound = createConversation({
    hello: {
      worker_id: machine.workerId,
      name: machine.name,
      boot_id: bootId,
      types: [...machine.types],
      slots: machine.slots,
      resources: { cpus: machine.slots },
      features: [],
    },
    window: machine.window,
    restored: spool.restored,
  });
  const conversation: Conversation = deps.mutant?.conversation?.(sound) ?? sound;

  const after = (ms: number, call: () => void) =>
    void scheduler.after(ms, () => {
      if (isAlive) call();
    });
  const tell = (input: Input) => {
    if (!isAlive) return;
    inbox.push(input);
    if (isTelling) return;
    isTelling = true;
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      for (const effect of conversation.step(next, chance.fraction())) apply(effect);
    }
    isTelling = false;
  };
  const die = () => {
    if (!isAlive) return;
    isAlive = false;
    spool.crash();
    wire?.drop();
    wire = null;
    settleDone();
  };

  const work = createV2Work({
    ...deps,
    ...machine,
    roads,
    tell,
    isAlive: () => isAlive,
    keep: spool.keep,
    onBegin: onlooker.began,
    die() {
      trace.note("v2.die", machine.name);
      die();
    },
  });

  const flush = () => {
    const frames = packFrames(outbox);
    outbox = [];
    for (const frame of frames) wire?.send(frame);
  };
  const connect = async () => {
    const mine = (linkCount += 1);
    const isMine = () => isAlive && linkCount === mine;
    const opened = await network.connect(holder, {
      frame(bytes) {
        if (isMine()) hear(bytes);
      },
      sign: () => void (heardMs = scheduler.nowMs()),
      closed: (code, reason) => isMine() && linkEnds(code, reason),
    });
    if (opened === null) return tell({ kind: "unreachable", status: null, why: "nobody there" });
    if (!isMine()) return opened.drop();
    wire = opened;
    heardMs = scheduler.nowMs();
    trace.note("v2.connected", `${opened.connection} ${machine.workerId} ${bootId.slice(0, 4)}`);
    after(quietLinkMs / 2, () => watch(mine));
    tell({ kind: "connected" });
  };
  const linkEnds = (code: number, reason: string) => {
    wire = null;
    outbox = [];
    linkCount += 1;
    if (code === closeCodes.malformed) {
      trace.violate("protocol", `the server did not understand ${machine.name}: ${reason}`);
    }
    tell({ kind: "closed", code, reason });
  };
  const watch = (mine: number) => {
    if (linkCount !== mine || wire === null) return;
    const quietMs = scheduler.nowMs() - heardMs;
    if (quietMs >= suspectMs) {
      trace.note("v2.nothing-heard", wire.connection);
      wire.drop();
      return linkEnds(1006, "nothing was heard");
    }
    if (quietMs >= quietLinkMs) wire.ping();
    after(quietLinkMs / 2, () => watch(mine));
  };
  const hear = (bytes: Uint8Array) => {
    heardMs = scheduler.nowMs();
    for (const message of decodeFrame(bytes)) {
      const input = toInput(message);
      if (input === null) trace.violate("protocol", `the server said ${message.header.op}`);
      else if (input.kind === "malformed") trace.violate("protocol", input.why);
      else {
        note(input);
        tell(input);
      }
    }
  };
  /** What allows an end to be forgotten. */
  const note = (input: Input) => {
    if (input.kind !== "message") return;
    const { said, verdicts } = input;
    for (const verdict of verdicts) {
      if (verdict.do === "abandon" || verdict.do === "cancel") settled.add(nameOf(verdict));
    }
    if (said.op === "receipt" || said.op === "cancel") settled.add(nameOf(said));
  };

  const deliver = (name: AttemptName, id: number) => {
    const link = wire;
    after(chance.between(0, 3), () => {
      if (wire !== link) return;
      const ended = spool.get(nameOf(name));
      if (ended === null) {
        const detail = "It is not in the spool.";
        return tell({ kind: "undelivered", ...plain(name), code: "malformed", detail });
      }
      const isLarge = ended.kind === "finished" && ended.size > knobs.v2BodyBytesMax;
      if (isLarge) return void upload(name);
      const { header, body } = toEndMessage(ended, id);
      send(encodeMessage(header, body));
    });
  };
  const upload = async (name: AttemptName) => {
    const key = nameOf(name);
    const ended = spool.get(key);
    if (uploads.has(key) || ended?.kind !== "finished" || ended.bytes === null) return;
    uploads.add(key);
    const uploaded = await roads.upload(
      ended,
      ended.bytes,
      () => isAlive && spool.get(key) !== null,
    );
    uploads.delete(key);
    if (!isAlive) return;
    if (uploaded.kind === "receipt") {
      const { verdict } = uploaded;
      onlooker.checkEnd({ ...plain(name), verdict }, "result");
      settled.add(key);
      tell({ kind: "uploaded", ...plain(name), verdict });
    } else if (uploaded.kind === "refused" || uploaded.kind === "unreachable") {
      const code = uploaded.kind === "refused" ? uploaded.code : "unreachable";
      if (uploaded.kind === "refused") settled.add(key);
      tell({ kind: "undelivered", ...plain(name), code, detail: "It was not taken." });
    }
  };
  /** Now and then it names an attempt of which it knows no token. */
  const withStolen = (body: Uint8Array): Uint8Array => {
    if (deps.isHealing() || !chance.is(knobs.misbehaviourRate)) return body;
    const known = chance.pick([...deps.judge.active().values()]);
    if (known === undefined || known.lastAttempt === 0) return body;
    const about = { job: known.id, attempt: known.lastAttempt };
    if (work.has(nameOf(about)) || spool.get(nameOf(about)) !== null) return body;
    const token = chance.bytes(32).toHex();
    const line = JSON.stringify({ ...about, token, state: "running" });
    return joinBytes([body, new TextEncoder().encode(`${line}\n`)]);
  };
  const send = (message: Uint8Array) => {
    if (wire === null) return;
    if (outbox.length === 0) after(0, flush);
    outbox.push(message);
  };

  const apply = (effect: Effect): void => {
    switch (effect.do) {
      case "send": {
        const isHello = effect.header.op === "hello";
        return send(encodeMessage(effect.header, isHello ? withStolen(effect.body) : effect.body));
      }
      case "start":
        return work.take(effect.job, effect.body);
      case "drop":
        return work.drop(nameOf(effect));
      case "stop":
        return work.stop(nameOf(effect), null);
      case "deliver":
        return deliver(effect, effect.id);
      case "deliver-later":
        return after(effect.afterMs, () => tell({ kind: "deliver-due", ...plain(effect) }));
      case "fail-instead": {
        const { token, info, retryable } = effect;
        const facts = { info, logs: "", exitCode: null, signal: null, retryable };
        trace.note("v2.fail-instead", nameOf(effect));
        spool.keep({ ...plain(effect), token, kind: "failed", ...facts });
        return tell({ kind: "failed", ...plain(effect) });
      }
      case "forget": {
        const name = nameOf(effect);
        const isKnown = spool.get(name) !== null;
        if (isKnown && !settled.has(name)) {
          trace.violate("spool", `${machine.name} forgot ${name} that nobody has`);
        }
        trace.note(`v2.forget-${effect.verdict}`, name);
        return spool.forget(name);
      }
      case "welcomed":
        return;
      case "beat-in": {
        const mine = linkCount;
        return after(effect.afterMs, () => {
          if (linkCount === mine) tell({ kind: "beat-due", vitals: { load: chance.fraction() } });
        });
      }
      case "drain-within":
      case "undrained":
        return;
      case "close": {
        flush();
        wire?.close(effect.code, effect.reason);
        return;
      }
      case "reconnect":
        return after(effect.afterMs, () => void connect());
      case "renew-identity":
        machine.renewals += 1;
        machine.workerId = `${machine.name}-${machine.renewals}`;
        trace.note("v2.renewed", machine.workerId);
        return tell({ kind: "renewed", workerId: machine.workerId });
      case "give-up":
        trace.note("v2.gave-up", `${machine.name} ${effect.why}`);
        return after(0, die);
      case "note":
        return trace.note(`v2.note-${effect.event}`, JSON.stringify(effect.fields));
      default:
        return unreachable(effect);
    }
  };

  const leave = () => {
    tell({ kind: "leave", why: "drained" });
    trace.note("v2.left", machine.name);
    after(200, die);
  };
  /** Waits for the receipts of what it has done. */
  const deliverRest = (untilMs: number) => {
    const isTold = conversation.isEmpty() || (spool.count() === 0 && !conversation.isReady());
    if (isTold || scheduler.nowMs() >= untilMs) return leave();
    after(200, () => deliverRest(untilMs));
  };
  const drainRest = (untilMs: number) => {
    if (work.count() === 0) return deliverRest(scheduler.nowMs() + deliverMsMax);
    if (scheduler.nowMs() >= untilMs) work.stopAll("drain");
    after(200, () => drainRest(untilMs));
  };

  const holder: Holder = {
    machine: machine.name,
    bootId,
    workerId: () => machine.workerId,
    isAlive: () => isAlive,
    isUnplugged: () => !deps.isHealing() && scheduler.nowMs() < machine.unpluggedUntilMs,
    has: (name) => work.has(name) || spool.get(name) !== null,
    running: work.running,
    isEnding: work.isEnding,
  };
  onlooker.addHolder(holder);
  if (spool.restored.length > 0) trace.note("v2.restored", `${spool.restored.length}`);
  void connect();

  return {
    holder,
    done,
    kill: die,
    drain(withinMs) {
      tell({ kind: "drain" });
      drainRest(scheduler.nowMs() + withinMs);
    },
    squeeze(window, ms) {
      tell({ kind: "room", window, why: "no_space" });
      after(ms, () => tell({ kind: "room", window: machine.window, why: "surplus" }));
    },
    hangUp() {
      if (wire === null) return;
      wire.drop();
      linkEnds(1006, "");
    },
    connection: () => wire?.connection ?? null,
    isEmpty: () => conversation.isEmpty() && spool.count() === 0 && work.count() === 0,
  };
}

function plain({ job, attempt }: AttemptName): AttemptName {
  return { job, attempt };
}
