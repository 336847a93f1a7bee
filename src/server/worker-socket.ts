// A socket of a v2 worker, from its side of the wire: whole frames in, gathered frames out. A worker that does not
// read gets nothing more until it does, and is let go when too much waits for it.

import type { Broker, WorkerConnection } from "../broker/broker.ts";
import { workerBehindBytes } from "../domain/limits-server.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import type { MessageHeader } from "../protocol/frame.ts";
import { createOutgoingFrames, type OutgoingFrames } from "./outgoing-frames.ts";
import type { Socket, SocketOwner } from "./sockets.ts";

export type WorkerOwnerDeps = {
  readonly broker: Pick<Broker, "attachWorker">;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly address: string;
  readonly connection: string;
};

type Attached = { readonly socket: Socket; readonly worker: WorkerConnection };

export function createWorkerOwner(deps: WorkerOwnerDeps): SocketOwner {
  const { broker, atEndOfTurn, address, connection } = deps;
  // Only while something is on its way: most workers are silent most of the time.
  let outgoing: OutgoingFrames | null = null;
  let attached: Attached | null = null;
  let isClosing = false;
  let isBehind = false;

  const flush = ({ socket, worker }: Attached) => {
    const frames = outgoing?.take() ?? [];
    outgoing = null;
    for (const frame of frames) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.sendBinary(frame) !== 0) continue;
      // What was dropped would be missed: the worker must come anew, and is told what it still holds.
      isClosing = true;
      socket.terminate();
      return worker.closed();
    }
    noteBehind({ socket, worker });
  };
  const noteBehind = ({ socket, worker }: Attached) => {
    const isNow = socket.getBufferedAmount() > workerBehindBytes;
    if (isNow === isBehind) return;
    isBehind = isNow;
    worker.behind(isNow);
  };
  const open = (socket: Socket): WorkerConnection =>
    broker.attachWorker({
      connection,
      address,
      send(header, body) {
        if (isClosing) return;
        if (outgoing === null) {
          outgoing = createOutgoingFrames();
          atEndOfTurn(() => attached !== null && !isClosing && flush(attached));
        }
        outgoing.add(header as MessageHeader, body); // What a server says is data of JSON all through.
      },
      ping: () => void socket.ping(),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close(code, reason) {
        if (isClosing) return;
        if (attached !== null) flush(attached);
        isClosing = true;
        socket.close(code, reason);
      },
    });

  return {
    opened(socket) {
      attached = { socket, worker: open(socket) };
    },
    message(message) {
      if (attached === null || isClosing) return;
      if (typeof message === "string") attached.worker.text();
      else attached.worker.frame(message);
    },
    signOfLife: () => attached?.worker.signOfLife(),
    drained: () => attached !== null && noteBehind(attached),
    stopping() {
      if (attached === null) return;
      attached.worker.stopping();
      flush(attached);
    },
    closed() {
      isClosing = true;
      attached?.worker.closed();
    },
  };
}
