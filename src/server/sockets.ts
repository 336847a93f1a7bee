// All WebSockets of the server: how many there may be, their pings, their end. What is said on one is its
// owner's business; the owner hangs on the socket itself, so that no table has to be kept in step.

import type { ServerWebSocket, WebSocketHandler } from "bun";
import { pingIntervalMs } from "../domain/limits-server.ts";
import { socketCountMax } from "../domain/limits.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";

export type Socket = ServerWebSocket<SocketOwner>;

/** Who speaks on a socket. Each verb is called in the order of events, and none after `closed`. */
export type SocketOwner = {
  opened(socket: Socket): void;
  message(message: string | Uint8Array): void;
  /** A ping or a pong came. */
  signOfLife(): void;
  /** What waited for a slow reader is on its way. */
  drained(): void;
  /** The server stops; the socket is closed next. */
  stopping(): void;
  closed(): void;
};

export type Sockets = {
  readonly handlers: WebSocketHandler<SocketOwner>;
  isFull(): boolean;
  /** Closes all that are open and stops pinging. */
  closeAll(code: number, reason: string): void;
};

export type SocketDeps = {
  readonly clock: Clock;
  readonly log: Log;
  /** The largest message taken from a worker. */
  readonly messageBytesMax: number;
  /** Bytes that may wait for a slow reader: the largest message sent, with room for small ones beside it. */
  readonly backlogBytesMax: number;
};

export function createSockets(deps: SocketDeps): Sockets {
  const { clock, log } = deps;
  const open = new Set<Socket>();
  let pings: Timer | null = null;

  const pingAll = () => {
    for (const socket of open) socket.ping();
    pings = open.size > 0 ? clock.after(pingIntervalMs, pingAll) : null;
  };
  // An owner that throws is a bug of ours: its socket ends, the others go on.
  const guarded = (socket: Socket, call: () => void) => {
    try {
      call();
    } catch (error) {
      log.error("socket.failed", error);
      socket.close(1011, "internal error");
    }
  };
  return {
    isFull: () => open.size >= socketCountMax,
    closeAll(code, reason) {
      pings?.cancel();
      for (const socket of open) {
        guarded(socket, () => socket.data.stopping());
        socket.close(code, reason);
      }
    },
    handlers: {
      maxPayloadLength: deps.messageBytesMax,
      backpressureLimit: deps.backlogBytesMax,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      idleTimeout: 0, // Silence closes nothing: a worker may compute for days. The pings find dead cables.
      sendPings: false,
      open(socket) {
        open.add(socket);
        socket.binaryType = "uint8array";
        pings ??= clock.after(pingIntervalMs, pingAll);
        guarded(socket, () => socket.data.opened(socket));
      },
      message(socket, message) {
        if (open.has(socket)) guarded(socket, () => socket.data.message(message));
      },
      ping: (socket) => guarded(socket, () => socket.data.signOfLife()),
      pong: (socket) => guarded(socket, () => socket.data.signOfLife()),
      drain: (socket) => guarded(socket, () => socket.data.drained()),
      close(socket) {
        if (open.delete(socket)) guarded(socket, () => socket.data.closed());
      },
    },
  };
}
