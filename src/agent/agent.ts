// The agent: does what the conversation decides, and tells it what happened. One inbox, taken in order, so that
// nothing is decided while something else is being done. Connects, reconnects, and hands jobs to the work.

import { unreachable } from "../domain/assert.ts";
import { agentPulseMs, preemptMsMax, spaceRestMs } from "../domain/limits-worker.ts";
import { frameBodyBytesMax } from "../domain/limits.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import { isDiskFull } from "../platform/durable-files.ts";
import type { Log } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import type { WorkerHello, WorkerVitals } from "../protocol/worker-messages.ts";
import { createConversation } from "./conversation/conversation.ts";
import type { Effect, Input, ReleaseWhy } from "./conversation/conversation-words.ts";
import { createDelivery } from "./spool/delivery.ts";
import { createEnding, type AgentEnd } from "./ending.ts";
import { toInput } from "./conversation/hear.ts";
import { openLink, type Link, type LinkEnd, type LinkOptions } from "./conversation/link.ts";
import { toFailed } from "./spool/settle-outcome.ts";
import type { JobFolders } from "./job-folders.ts";
import type { Runner } from "./runner.ts";
import type { Spool } from "./spool/spool.ts";
import type { Transfers } from "./transfer/transfer.ts";
import type { Hash } from "./transfer/tries.ts";
import { createWork } from "./work.ts";
import type { MemoryPressure } from "../platform/memory-pressure.ts";

export type AgentDeps = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly pressure: MemoryPressure;
  readonly createHash: () => Hash;
  readonly sha256Hex: (bytes: Uint8Array) => string;
  readonly runner: Runner;
  readonly spool: Spool;
  readonly folders: JobFolders;
  readonly transfers: Transfers;
  readonly vitals: () => WorkerVitals;
  readonly renewIdentity: () => Promise<string>;
  readonly onNotice: (line: string) => void;
};

export type AgentSettings = {
  readonly socketUrl: string;
  readonly token: string;
  readonly tls: object | null;
  readonly hello: Omit<WorkerHello, "op">;
  readonly window: number;
  readonly payloadsFolder: string;
  readonly drainMs: number;
  readonly idleTimeoutMs: number | null;
  readonly lifetimeMs: number | null;
  readonly once: boolean;
};

export type Agent = {
  /** Nothing of it is under way any more, but for what its runner keeps warm. */
  readonly done: Promise<AgentEnd>;
  drain(): void;
  preempt(): void;
};

export function createAgent(deps: AgentDeps, settings: AgentSettings): Agent {
  const { clock, random, log, spool, onNotice } = deps;
  const conversation = createConversation({
    hello: settings.hello,
    window: settings.window,
    restored: spool.restored,
  });
  const timers = new Set<Timer>();
  const inbox: Input[] = [];
  let isTelling = false;
  let link: Link | null = null;
  let bodyBytesMax = frameBodyBytesMax;
  let renewing: Promise<void> = Promise.resolve();
  let beat: Timer | null = null;
  let pulse: Timer | null = null;
  let serverDrain: Timer | null = null;
  let isResting = false;
  let linkOver: Promise<void> = Promise.resolve();

  const after = (ms: number, call: () => void): Timer => {
    const timer = clock.after(ms, () => {
      timers.delete(timer);
      call();
    });
    timers.add(timer);
    return timer;
  };
  const tell = (input: Input) => {
    inbox.push(input);
    if (isTelling) return;
    isTelling = true;
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      ending.noticed(next);
      for (const effect of conversation.step(next, random.fraction())) apply(effect);
    }
    isTelling = false;
    ending.look();
  };
  const connect = async () => {
    await renewing;
    if (ending.isOver()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    linkOver = promise;
    const end = (how: LinkEnd) => {
      link = null;
      beat?.cancel();
      tell(how);
      resolve();
    };
    try {
      link = openLink({ clock, atEndOfTurn: deps.atEndOfTurn }, linkOptions(end));
    } catch (error) {
      end({ kind: "unreachable", status: null, why: String(error) }); // What TLS was given it cannot use.
    }
  };
  const linkOptions = (onEnd: (end: LinkEnd) => void): LinkOptions => ({
    url: settings.socketUrl,
    headers: { "X-API-KEY": settings.token },
    tls: settings.tls,
    onOpen: () => tell({ kind: "connected" }),
    onMessages: (messages) => {
      for (const message of messages) {
        const input = toInput(message);
        if (input !== null) tell(input);
      }
    },
    onMalformed: (why) => tell({ kind: "malformed", why }),
    onEnd,
  });
  const work = createWork({
    ...deps,
    ...settings,
    slots: settings.hello.slots,
    tell,
    bodyBytesMax: () => bodyBytesMax,
    onNoSpace(error) {
      log.warn("disk.failed", { full: isDiskFull(error), why: String(error) });
      if (isResting) return;
      isResting = true;
      onNotice("The disk has no room for jobs, or fails: taking no new ones for a while.");
      fit();
      after(spaceRestMs, () => {
        isResting = false;
        fit();
      });
    },
    onChange() {
      fit();
      if (pulse === null && work.running().length > 0) pulse = after(agentPulseMs, beatPulse);
    },
  });
  const beatPulse = () => {
    pulse = null;
    if (conversation.isReady() && link?.isBehind() === false) work.pulse();
    if (work.running().length > 0) pulse = after(agentPulseMs, beatPulse);
  };
  const delivery = createDelivery({
    ...deps,
    tell,
    link: () => link,
    bodyBytesMax: () => bodyBytesMax,
    scratchFolder: settings.payloadsFolder,
  });
  const ending = createEnding({
    after,
    settings,
    tell,
    onNotice,
    work,
    spool,
    isTold: () => conversation.isEmpty() || (spool.count() === 0 && !conversation.isReady()),
    async leave(why) {
      delivery.stop();
      tell({ kind: "leave", why });
      for (const timer of timers) timer.cancel();
      const patience = new AbortController();
      await Promise.race([work.settled(), clock.sleep(preemptMsMax, patience.signal)]);
      patience.abort();
      await Promise.all([spool.settle(), linkOver]);
    },
  });

  let toldRoom: { readonly window: number; readonly why: ReleaseWhy } = {
    window: settings.window,
    why: "surplus",
  };
  /** Tells how many jobs may be held, when that has changed. */
  const fit = () => {
    const isFull = isResting || spool.isFull();
    const window = isFull || ending.isEnough() ? 0 : settings.window;
    const why = isFull ? "no_space" : ending.releaseWhy();
    if (toldRoom.window === window && toldRoom.why === why) return;
    if (spool.isFull() && toldRoom.window > 0) {
      onNotice("The spool is full of results that the server has not taken: no new jobs.");
    }
    toldRoom = { window, why };
    tell({ kind: "room", window, why });
  };

  const apply = (effect: Effect): void => {
    switch (effect.do) {
      case "send":
        return link?.send(effect.header, effect.body);
      case "start":
        return work.take(effect.job, effect.body);
      case "drop":
        return work.drop(effect);
      case "stop":
        return work.stop(effect, null);
      case "deliver":
        return delivery.deliver(effect, effect.id);
      case "deliver-later": {
        const { job, attempt } = effect;
        return void after(effect.afterMs, () => tell({ kind: "deliver-due", job, attempt }));
      }
      case "fail-instead": {
        const { job, attempt, token, info, retryable } = effect;
        log.error("result.refused", info, { job, attempt });
        const facts = { info, logs: "", exitCode: null, signal: null, retryable };
        void spool.keep(toFailed({ job, attempt, token }, facts)).catch(reportDisk);
        return tell({ kind: "failed", job, attempt });
      }
      case "forget": {
        const { job, attempt, verdict } = effect;
        log.info("job.receipt", { job, attempt, verdict });
        delivery.forget(effect);
        void spool.forget(effect).catch(reportDisk).then(fit);
        return;
      }
      case "welcomed":
        bodyBytesMax = Math.min(effect.frameBodyBytesMax, frameBodyBytesMax);
        serverDrain?.cancel();
        ending.welcomed();
        log.info("link.welcomed", { server: effect.server });
        return onNotice(`Connected to ${effect.server || settings.socketUrl}.`);
      case "beat-in":
        beat = after(effect.afterMs, () => tell({ kind: "beat-due", vitals: deps.vitals() }));
        return;
      case "drain-within":
        serverDrain?.cancel();
        serverDrain = after(effect.ms, () => work.stopAll("drain"));
        return;
      case "undrained":
        return serverDrain?.cancel();
      case "close":
        return link?.close(effect.code, effect.reason);
      case "reconnect":
        onNotice(`No connection: ${effect.why}. Trying again in ${inWords(effect.afterMs)}.`);
        return void after(effect.afterMs, () => void connect());
      case "renew-identity":
        onNotice(`${effect.why} Going on under a new identity.`);
        renewing = deps
          .renewIdentity()
          .then((workerId) => tell({ kind: "renewed", workerId }), reportDisk);
        return;
      case "give-up":
        return ending.giveUp(effect.why);
      case "note":
        return log.info(effect.event, effect.fields);
      default:
        return unreachable(effect);
    }
  };
  const reportDisk = (error: unknown) => log.error("disk.failed", error);

  if (spool.restored.length > 0) {
    onNotice(`${spool.restored.length} results and failures of a former run wait to be delivered.`);
  }
  void connect();
  ending.begin();
  return { done: ending.done, drain: ending.drain, preempt: ending.preempt };
}

function inWords(ms: number): string {
  return ms < 1_000 ? "less than a second" : `${Math.round(ms / 1_000)} s`;
}
