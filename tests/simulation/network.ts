// Sockets between classic workers and the server. Each direction delivers in order, after a while. A link can
// be cut: what is in flight is lost, and both ends learn of it later, or much later.
// Beside carrying frames it keeps what an onlooker knows of each link, for the judge of liveness.

import type { ClassicConnection, ClassicSocket } from "../../src/broker/broker.ts";
import type { Chance } from "./chance.ts";
import type { Knobs } from "./knobs.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

export type Frame = string | Uint8Array;

/** What a frame of a worker means, for the onlooker. `jobsRead`: how many jobs it had read when it said so. */
export type About = {
  readonly says: "registered" | "ready" | "busy" | "result" | "failed" | "other";
  readonly jobsRead: number;
};

export type Link = {
  readonly connection: string;
  readonly workerId: string;
  readonly type: string;
  /** From the worker to the server. */
  say(frame: Frame, about?: About): void;
  /** The next frame from the server, or null when the link is closed. */
  receive(): Promise<Frame | null>;
  /** The worker hangs up; what it said before still arrives. */
  hangUp(): void;
  /** The cable is cut, or the worker's machine is gone. */
  cut(): void;
  /** False once the worker knows that the link is gone. */
  isUp(): boolean;
  /** True while both ends can hear each other and neither has closed. */
  isWhole(): boolean;
  /** True while the server has this link open. */
  isSeated(): boolean;
  isRegistered(): boolean;
  /** Since when the server knows that the worker is ready, and has given it nothing since. */
  readySinceMs(): number | null;
  /** Since when the worker's last word is "busy" and the server has not asked again. */
  busySinceMs(): number | null;
  /** Longest that a frame is under way. */
  readonly frameMsMax: number;
  jobsSent(): number;
};

export type Accept = (socket: ClassicSocket) => ClassicConnection;

export type Network = {
  /** Resolves with a link, or null when nobody answers. */
  connect(workerId: string, type: string): Promise<Link | null>;
  /** The server begins to listen, or ends with null. */
  listen(accept: Accept | null): void;
  /** The server's machine hangs up on everybody: its own end is gone at once. */
  dropAll(): void;
  links(): ReadonlySet<Link>;
};

export type NetworkDeps = {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly knobs: Knobs;
  readonly trace: Trace;
};

type ServerEnd = { connection: ClassicConnection | null; isOpen: boolean };

export function createNetwork(deps: NetworkDeps): Network {
  const { scheduler, chance, knobs } = deps;
  const links = new Set<Link>();
  const drops = new Map<Link, () => void>();
  let accept: Accept | null = null;
  let count = 0;

  return {
    async connect(workerId, type) {
      await scheduler.sleep(chance.between(0, knobs.linkMsMax));
      if (accept === null) return null;
      count += 1;
      const { link, drop } = createLink(
        deps,
        { connection: `s${count}`, workerId, type },
        accept,
        () => forget(link),
      );
      links.add(link);
      drops.set(link, drop);
      return link;
    },
    listen: (next) => void (accept = next),
    dropAll() {
      for (const drop of drops.values()) drop();
    },
    links: () => links,
  };

  function forget(link: Link) {
    links.delete(link);
    drops.delete(link);
  }
}

type Named = Pick<Link, "connection" | "workerId" | "type">;

function createLink(deps: NetworkDeps, named: Named, accept: Accept, onGone: () => void) {
  const { scheduler, chance, knobs, trace } = deps;
  const inbox = createInbox();
  const toServer = createPipe(deps);
  const toWorker = createPipe(deps);
  const server: ServerEnd = { connection: null, isOpen: true };
  let isCut = false;
  let isRegistered = false;
  let readySinceMs: number | null = null;
  let busySinceMs: number | null = null;
  let jobsSent = 0;
  /** The worker has not told the end of the last job it was sent. */
  let isOwing = false;
  /** It said ready while it was owing: it is asked once more, since words may cross. */
  let isDoubted = false;

  /** The server learns that the link is gone. */
  const serverEnds = () => {
    if (!server.isOpen) return;
    server.isOpen = false;
    readySinceMs = null;
    server.connection?.closed();
    if (!inbox.isOpen()) onGone();
  };
  const workerEnds = () => {
    inbox.close();
    if (!server.isOpen) onGone();
  };

  const heard = ({ says, jobsRead }: About) => {
    if (says === "registered") isRegistered = true;
    const isStale = jobsRead < jobsSent;
    if (!isStale && (says === "result" || says === "failed")) isOwing = false;
    if (says === "busy") isDoubted = false;
    const isSure = says === "ready" && !isStale && (!isOwing || isDoubted);
    if (says === "ready" && !isStale && isOwing) isDoubted = !isDoubted;
    if (isSure) isOwing = false;
    if (!isStale) readySinceMs = isSure ? scheduler.nowMs() : null;
    busySinceMs = says === "busy" ? scheduler.nowMs() : null;
  };

  const deliver = (frame: Frame, about: About) => {
    if (!server.isOpen) return;
    heard(about);
    trace.note(`heard.${about.says}`, `${named.connection} after ${about.jobsRead} of ${jobsSent}`);
    if (typeof frame === "string") server.connection?.text(frame);
    else server.connection?.bytes(frame);
  };

  const socket: ClassicSocket = {
    connection: named.connection,
    type: named.type,
    address: "10.0.0.1",
    sendText(text) {
      busySinceMs = null;
      trace.note("told.ask", named.connection);
      if (server.isOpen) toWorker.send(() => inbox.put(text));
    },
    sendBytes(bytes) {
      if (!server.isOpen) return false;
      readySinceMs = null;
      if (chance.is(knobs.misbehaviourRate / 20)) {
        trace.note("fault.not-sent");
        return false;
      }
      jobsSent += 1;
      isOwing = true;
      isDoubted = false;
      trace.note("told.job", named.connection);
      const copy = bytes.slice();
      toWorker.send(() => inbox.put(copy));
      return true;
    },
    close(code, reason) {
      if (!server.isOpen) return;
      trace.note(`closed.${code}`, `${named.connection} ${reason}`);
      toWorker.send(workerEnds);
      readySinceMs = null;
      toServer.cut();
      scheduler.after(0, serverEnds);
    },
  };

  const link: Link = {
    ...named,
    frameMsMax: knobs.linkMsMax * knobs.linkSlownessMax,
    say(frame, about = { says: "other", jobsRead: Number.POSITIVE_INFINITY }) {
      if (inbox.isOpen()) toServer.send(() => deliver(frame, about));
    },
    receive: inbox.take,
    hangUp() {
      if (!inbox.isOpen()) return;
      toServer.send(serverEnds);
      workerEnds();
    },
    cut() {
      if (isCut) return;
      isCut = true;
      readySinceMs = null;
      toServer.cut();
      toWorker.cut();
      const lateMs = () => (chance.is(0.8) ? chance.between(0, 2_000) : chance.between(0, 60_000));
      scheduler.after(lateMs(), serverEnds);
      scheduler.after(lateMs(), workerEnds);
    },
    isUp: inbox.isOpen,
    isWhole: () => !isCut && server.isOpen && inbox.isOpen(),
    isSeated: () => server.isOpen,
    isRegistered: () => isRegistered,
    readySinceMs: () => readySinceMs,
    busySinceMs: () => busySinceMs,
    jobsSent: () => jobsSent,
  };

  const drop = () => {
    server.isOpen = false;
    readySinceMs = null;
    toServer.cut();
    toWorker.cut();
    scheduler.after(chance.between(0, 1_500), workerEnds);
  };
  server.connection = accept(socket);
  return { link, drop };
}

/** One direction: in order, each frame a while after it was sent. */
export function createPipe({ scheduler, chance, knobs }: NetworkDeps) {
  let lastAt = 0;
  let isCut = false;
  return {
    send(arrive: () => void) {
      const slow = chance.is(0.02) ? knobs.linkSlownessMax : 1;
      const at = scheduler.nowMs() + chance.between(0, knobs.linkMsMax) * slow;
      lastAt = Math.max(lastAt, at);
      scheduler.after(lastAt - scheduler.nowMs(), () => {
        if (!isCut) arrive();
      });
    },
    cut: () => void (isCut = true),
  };
}

function createInbox() {
  const frames: Frame[] = [];
  let isOpen = true;
  let wake: (() => void) | null = null;
  const ring = () => {
    wake?.();
    wake = null;
  };
  return {
    put(frame: Frame) {
      if (isOpen) frames.push(frame);
      ring();
    },
    close() {
      isOpen = false;
      ring();
    },
    isOpen: () => isOpen,
    async take(): Promise<Frame | null> {
      while (isOpen && frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return isOpen ? frames.shift()! : null;
    },
  };
}
