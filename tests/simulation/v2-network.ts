// Sockets between v2 workers and the server, with the server's real owner of such a socket at their end. Each direction
// delivers whole frames in order, after a while. A cable can be cut, or one direction of it alone; then each end learns
// of it late, by a timeout of the system or by its own watchfulness.

import type { Broker } from "../../src/broker/broker.ts";
import { pingIntervalMs, workerBehindBytes } from "../../src/domain/limits-server.ts";
import { decodeFrame } from "../../src/protocol/frame.ts";
import { createWorkerOwner } from "../../src/server/worker-socket.ts";
import type { Socket, SocketOwner } from "../../src/server/sockets.ts";
import type { Chance } from "./chance.ts";
import type { Knobs } from "./knobs.ts";
import { createPipe } from "./network.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";
import type { Holder, Onlooker } from "./v2-onlooker.ts";

/** What happens at the worker's end. */
export type WireEnd = {
  frame(bytes: Uint8Array): void;
  /** A ping came. */
  sign(): void;
  /** Called once, last; not after `drop`. */
  closed(code: number, reason: string): void;
};

/** A socket from the worker's side. */
export type Wire = {
  readonly connection: string;
  send(frame: Uint8Array): void;
  ping(): void;
  /** What was sent still arrives, unless the cable is cut. */
  close(code: number, reason: string): void;
  /** The worker has it no more: its process died, or gave it up. The server learns of it soon, or late. */
  drop(): void;
  isUp(): boolean;
};

/** The same, for those who do harm and for onlookers. */
export type V2Link = {
  readonly connection: string;
  /** Both directions are cut. */
  cut(): void;
  /** One direction is lost; the other stands for a while. */
  halve(lost: "to-server" | "to-worker"): void;
  /** For a while nothing reaches the server; then all of it does. */
  stall(ms: number): void;
  /** For a while the worker seems not to read. */
  clog(ms: number): void;
  /** Everything that is said arrives. */
  isWhole(): boolean;
  /** The server has it open. */
  isSeated(): boolean;
};

export type V2Network = {
  /** Null when nobody answers. */
  connect(holder: Holder, end: WireEnd): Promise<Wire | null>;
  listen(broker: Pick<Broker, "attachWorker"> | null): void;
  /** The server stops in good order: says goodbye, then closes. */
  stopAll(): void;
  /** The server is gone. */
  dropAll(): void;
  links(): ReadonlySet<V2Link>;
};

export type V2NetworkDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly onlooker: Onlooker;
  readonly isHealing: () => boolean;
};

/** Longest that a system keeps a connection of which one direction is lost. */
const halfOpenMsMax = 150_000;

type Opened = { readonly link: V2Link; readonly wire: Wire; stop(): void; drop(): void };

export function createV2Network(deps: V2NetworkDeps): V2Network {
  const { scheduler, chance, knobs } = deps;
  const openedByLink = new Map<V2Link, Opened>();
  const links = new Set<V2Link>();
  let broker: Pick<Broker, "attachWorker"> | null = null;
  let count = 0;

  return {
    async connect(holder, end) {
      await scheduler.sleep(chance.between(0, knobs.linkMsMax));
      if (broker === null || holder.isUnplugged()) return null;
      count += 1;
      const opened = open(deps, { connection: `w${count}`, holder, end, broker }, () => {
        links.delete(opened.link);
        openedByLink.delete(opened.link);
      });
      links.add(opened.link);
      openedByLink.set(opened.link, opened);
      return opened.wire;
    },
    listen: (next) => void (broker = next),
    stopAll() {
      for (const { stop } of Array.from(openedByLink.values())) stop();
    },
    dropAll() {
      for (const { drop } of Array.from(openedByLink.values())) drop();
    },
    links: () => links,
  };
}

type Parts = {
  readonly connection: string;
  readonly holder: Holder;
  readonly end: WireEnd;
  readonly broker: Pick<Broker, "attachWorker">;
};

function open(deps: V2NetworkDeps, parts: Parts, onGone: () => void): Opened {
  const { scheduler, chance, trace, onlooker } = deps;
  const { connection, holder, end, broker } = parts;
  const toServer = createPipe(deps);
  const toWorker = createPipe(deps);
  const lost = new Set<"to-server" | "to-worker">();
  let isServerOpen = true;
  let isWorkerOpen = true;
  let isClogged = false;
  /** What the server does not read for now, and what has not reached it. */
  let paused: (() => void)[] | null = null;
  let stalled: (() => void)[] | null = null;

  const owner: SocketOwner = createWorkerOwner({
    broker,
    address: "10.0.0.3",
    connection,
    atEndOfTurn: (call) => void scheduler.after(0, () => isServerOpen && call()),
  });

  const serverEnds = () => {
    if (!isServerOpen) return;
    isServerOpen = false;
    onlooker.closed(connection);
    owner.closed();
    if (!isWorkerOpen) onGone();
  };
  const workerEnds = (code: number, reason: string) => {
    if (!isWorkerOpen) return;
    isWorkerOpen = false;
    if (!isServerOpen) onGone();
    end.closed(code, reason);
  };
  /** What throws there would be logged as an error of the server's. */
  const guarded = (call: () => void) => {
    try {
      call();
    } catch (error) {
      trace.violate("L11", `a socket failed: ${error instanceof Error ? error.stack : ""}`);
    }
  };
  /** Calls at the server's end, unless it is closed by then. */
  const arrive = (call: () => void) => {
    if (!isServerOpen) return;
    if (paused === null) guarded(call);
    else paused.push(call);
  };
  const atServer = (call: () => void) => {
    toServer.send(() => {
      if (stalled === null) arrive(call);
      else stalled.push(call);
    });
  };
  const atWorker = (call: () => void) => toWorker.send(() => isWorkerOpen && call());
  const bothEndLater = (withinMs: number) => {
    scheduler.after(chance.between(0, withinMs), serverEnds);
    scheduler.after(chance.between(0, withinMs), () => workerEnds(1006, ""));
  };

  const closeAtServer = (code: number, reason: string) => {
    if (!isServerOpen) return;
    trace.note(`closed.${code}`, `${connection} ${reason}`);
    atWorker(() => workerEnds(code, reason));
    toServer.cut();
    scheduler.after(0, serverEnds);
  };
  const socket = {
    get readyState() {
      return isServerOpen ? WebSocket.OPEN : WebSocket.CLOSED;
    },
    sendBinary(bytes: Uint8Array) {
      if (!deps.isHealing() && chance.is(0.0005)) {
        trace.note("v2.frame-refused", connection);
        return 0;
      }
      const frame = bytes.slice();
      onlooker.said(connection, decodeFrame(frame));
      atWorker(() => end.frame(frame));
      return frame.length;
    },
    getBufferedAmount: () => (isClogged ? workerBehindBytes + 1 : 0),
    ping: () =>
      atWorker(() => {
        end.sign();
        atServer(sign);
      }),
    pause: () => void (paused ??= []),
    resume() {
      const calls = paused ?? [];
      paused = null;
      for (const call of calls) if (isServerOpen) guarded(call);
    },
    close: closeAtServer,
    terminate() {
      toWorker.cut();
      toServer.cut();
      scheduler.after(chance.between(0, 1_500), () => workerEnds(1006, ""));
      scheduler.after(0, serverEnds);
    },
  } as unknown as Socket; // Of the runtime's socket it has what its owner uses.
  const sign = () => {
    onlooker.sign(connection);
    owner.signOfLife();
  };
  const pingOften = () => {
    if (!isServerOpen) return;
    socket.ping();
    scheduler.after(pingIntervalMs, pingOften);
  };

  const link: V2Link = {
    connection,
    cut() {
      lost.add("to-server").add("to-worker");
      toServer.cut();
      toWorker.cut();
      bothEndLater(chance.is(0.8) ? 2_000 : 60_000);
    },
    halve(way) {
      if (lost.size > 0) return;
      lost.add(way);
      (way === "to-server" ? toServer : toWorker).cut();
      bothEndLater(halfOpenMsMax);
    },
    stall(ms) {
      if (stalled !== null) return;
      stalled = [];
      scheduler.after(ms, () => {
        const calls = stalled ?? [];
        stalled = null;
        for (const call of calls) arrive(call);
      });
    },
    clog(ms) {
      isClogged = true;
      scheduler.after(ms, () => {
        isClogged = false;
        if (isServerOpen) owner.drained();
      });
    },
    isWhole: () =>
      lost.size === 0 && isServerOpen && isWorkerOpen && !isClogged && stalled === null,
    isSeated: () => isServerOpen,
  };
  const wire: Wire = {
    connection,
    send(frame) {
      if (!isWorkerOpen) return;
      atServer(() => {
        onlooker.heard(connection, decodeFrame(frame));
        owner.message(frame);
      });
    },
    ping: () =>
      atServer(() => {
        sign();
        atWorker(() => end.sign());
      }),
    close(code, reason) {
      atServer(serverEnds);
      // Its own end is told when the other one has answered.
      scheduler.after(chance.between(0, 100), () => workerEnds(code, reason));
    },
    drop() {
      isWorkerOpen = false;
      toWorker.cut();
      // Mostly the system says so at once.
      const isSaid = lost.size === 0 && chance.is(0.8);
      if (isSaid) atServer(serverEnds);
      else scheduler.after(chance.between(0, deps.isHealing() ? 2_000 : 60_000), serverEnds);
      if (!isServerOpen) onGone();
    },
    isUp: () => isWorkerOpen,
  };

  onlooker.opened({ connection, holder, link });
  owner.opened(socket);
  scheduler.after(chance.between(0, pingIntervalMs), pingOften);
  return {
    link,
    wire,
    stop() {
      owner.stopping();
      closeAtServer(1012, "the server stops");
    },
    drop() {
      // Nobody is there who could be told; what is in flight is lost.
      isServerOpen = false;
      onlooker.closed(connection);
      toServer.cut();
      toWorker.cut();
      if (!isWorkerOpen) return onGone();
      scheduler.after(chance.between(0, 1_500), () => workerEnds(1006, ""));
    },
  };
}
