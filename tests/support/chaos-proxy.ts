// A cable between a worker and its server that fails on command: torn, closed, or silent in one direction or in both,
// for a given time, at once or at a given place of what travels over it. What a silent cable holds back arrives
// when it is whole again, as TCP sees to it.

import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * `reset`: connections end with RST, new ones are refused. `close`: the same with FIN. `black-hole`: nothing passes,
 * new connections are taken and hear nothing. `up-only`, `down-only`: one direction passes, up is towards the
 * server. `forgotten`: a black hole that connections which stood in it never leave, as when a router forgets them.
 */
export type Toxic = "reset" | "close" | "black-hole" | "up-only" | "down-only" | "forgotten";

type Direction = "up" | "down";

/** Where the cable is to fail: on connections whose last request line fits `request`, in this direction. */
export type Trap = {
  readonly request: RegExp;
  readonly direction: Direction;
} & /** So many bytes behind the request, or behind the arming of the trap. */ (
  | { readonly afterBytes: number }
  /** Right before this text. */
  | { readonly before: string }
);

export type ChaosProxy = AsyncDisposable & {
  readonly port: number;
  /** Fails now, for so long. Resolves when the cable is whole again. */
  poison(toxic: Toxic, ms: number): Promise<void>;
  /** Fails when the trap is reached. `sprung` resolves then, `healed` when the cable is whole again. */
  trap(trap: Trap, toxic: Toxic, ms: number): Sprung;
  /** Connections that were taken so far. */
  connectionCount(): number;
};

export type Sprung = { readonly sprung: Promise<void>; readonly healed: Promise<void> };

type Flow = {
  readonly direction: Direction;
  readonly from: Socket;
  readonly to: Socket;
  readonly pair: Pair;
  held: Buffer[];
  /** How it ended while it was held. */
  ending: "none" | "fin" | "gone";
  /** Since the request line, or since the trap was armed. */
  passedBytes: number;
};
type Pair = {
  readonly near: Socket;
  readonly far: Socket;
  flows: readonly Flow[];
  request: string;
  isForgotten: boolean;
};
type Armed = { readonly trap: Trap; readonly spring: () => void };

export async function openChaosProxy(serverPort: number): Promise<ChaosProxy> {
  const pairs = new Set<Pair>();
  let toxic: Toxic | null = null;
  let armed: Armed | null = null;
  let connectionCount = 0;
  const timers = new Map<ReturnType<typeof setTimeout>, () => void>();

  const isHeld = ({ direction, pair }: Flow) =>
    pair.isForgotten ||
    toxic === "black-hole" ||
    toxic === "forgotten" ||
    toxic === (direction === "up" ? "down-only" : "up-only");
  const forget = (pair: Pair) => {
    pairs.delete(pair);
    for (const socket of [pair.near, pair.far]) socket.destroy();
  };

  const write = (flow: Flow, chunk: Buffer) => {
    if (chunk.length === 0 || flow.to.destroyed) return;
    flow.passedBytes += chunk.length;
    if (flow.to.write(chunk)) return;
    flow.from.pause();
    flow.to.once("drain", () => isHeld(flow) || flow.from.resume());
  };
  const pass = (flow: Flow, chunk: Buffer): void => {
    if (flow.held.length > 0 || isHeld(flow)) {
      flow.held.push(chunk);
      return void flow.from.pause();
    }
    noteRequest(flow, chunk);
    const at = armed === null ? null : trappedAt(armed.trap, flow, chunk);
    if (armed === null || at === null) return write(flow, chunk);
    const { spring } = armed;
    armed = null;
    write(flow, chunk.subarray(0, at));
    spring();
    if (pairs.has(flow.pair) && at < chunk.length) pass(flow, chunk.subarray(at));
  };
  const end = (flow: Flow, how: "fin" | "gone") => {
    if (isHeld(flow) || flow.held.length > 0) {
      if (flow.ending !== "gone") flow.ending = how;
      return;
    }
    if (how === "fin") flow.to.end();
    else {
      flow.to.resetAndDestroy();
      forget(flow.pair);
    }
  };
  const release = (flow: Flow) => {
    if (isHeld(flow)) return;
    const { held, ending } = flow;
    flow.held = [];
    flow.ending = "none";
    for (const chunk of held) pass(flow, chunk);
    if (ending !== "none") end(flow, ending);
    else flow.from.resume();
  };

  const join = (near: Socket) => {
    connectionCount += 1;
    if (toxic === "reset" || toxic === "close") {
      near.resetAndDestroy();
      return;
    }
    near.pause();
    const far = connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true });
    const pair: Pair = { near, far, flows: [], request: "", isForgotten: false };
    const flowOf = (direction: Direction, from: Socket, to: Socket): Flow => {
      const about = { held: [], ending: "none", passedBytes: 0 } as const;
      return { direction, from, to, pair, ...about, held: [] };
    };
    pair.flows = [flowOf("up", near, far), flowOf("down", far, near)];
    pairs.add(pair);
    for (const flow of pair.flows) {
      flow.from.on("data", (chunk: Buffer) => pass(flow, chunk));
      flow.from.on("end", () => end(flow, "fin"));
      flow.from.on("error", () => end(flow, "gone"));
      flow.from.on("close", (isBroken) => {
        if (isBroken) return;
        if (pair.near.destroyed && pair.far.destroyed) pairs.delete(pair);
      });
    }
    far.once("connect", () => isHeld(pair.flows[0]!) || near.resume());
  };
  const server: Server = createServer({ allowHalfOpen: true }, join);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const begin = (kind: Toxic) => {
    toxic = kind;
    for (const pair of pairs) {
      if (kind === "reset" || kind === "close") tear(pair, kind);
      else {
        pair.isForgotten ||= kind === "forgotten";
        for (const flow of pair.flows) if (isHeld(flow)) flow.from.pause();
      }
    }
  };
  const tear = (pair: Pair, kind: "reset" | "close") => {
    pairs.delete(pair);
    for (const socket of [pair.near, pair.far]) {
      socket.removeAllListeners("data");
      if (kind === "reset") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  };
  const heal = () => {
    toxic = null;
    for (const pair of pairs) for (const flow of pair.flows) release(flow);
  };
  const poison = (kind: Toxic, ms: number): Promise<void> => {
    begin(kind);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        heal();
        resolve();
      }, ms);
      timers.set(timer, resolve);
    });
  };

  return {
    port: (server.address() as AddressInfo).port,
    poison,
    trap(trap, kind, ms) {
      const sprung = Promise.withResolvers<void>();
      const healed = Promise.withResolvers<void>();
      for (const pair of pairs) for (const flow of pair.flows) flow.passedBytes = 0;
      armed = {
        trap,
        spring() {
          sprung.resolve();
          void poison(kind, ms).then(healed.resolve);
        },
      };
      return { sprung: sprung.promise, healed: healed.promise };
    },
    connectionCount: () => connectionCount,
    async [Symbol.asyncDispose]() {
      for (const [timer, resolve] of timers) {
        clearTimeout(timer);
        resolve();
      }
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const pair of pairs) forget(pair);
      });
    },
  };
}

function noteRequest(flow: Flow, chunk: Buffer): void {
  if (flow.direction !== "up") return;
  const [line] = /^(?:GET|HEAD|POST|PUT) \S+/.exec(chunk.subarray(0, 512).toString("latin1")) ?? [];
  if (line === undefined) return;
  flow.pair.request = line;
  for (const each of flow.pair.flows) each.passedBytes = 0;
}

/** How much of the chunk still passes; null when the trap is not reached. */
function trappedAt(trap: Trap, flow: Flow, chunk: Buffer): number | null {
  if (flow.direction !== trap.direction || !trap.request.test(flow.pair.request)) return null;
  if ("before" in trap) {
    const at = chunk.indexOf(trap.before);
    return at < 0 ? null : at;
  }
  const at = trap.afterBytes - flow.passedBytes;
  return at < chunk.length ? Math.max(at, 0) : null;
}
