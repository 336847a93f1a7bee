// The door of the original's workers: a socket without subprotocol that nobody has to prove anything for, and
// therefore little is given to until the worker has registered. What is said is the broker's business.

import type { Broker, ClassicConnection } from "../broker/broker.ts";
import {
  classicTextBytesMax,
  unregisteredFrameBytesMax,
  unregisteredSocketCountMax,
} from "../domain/limits-server.ts";
import type { Socket, SocketOwner } from "./sockets.ts";

export type ClassicOwnerDeps = {
  readonly broker: Broker;
  readonly strangers: Strangers;
  readonly type: string;
  readonly address: string;
  readonly connection: string;
};

export function createClassicOwner({
  broker,
  strangers,
  type,
  address,
  connection,
}: ClassicOwnerDeps): SocketOwner {
  let attached: { readonly socket: Socket; readonly classic: ClassicConnection } | null = null;

  return {
    opened(socket) {
      const classic = broker.attachClassic({
        connection,
        type,
        address,
        sendText: (text) => void socket.sendText(text),
        sendBytes: (bytes) => sendBytes(socket, bytes),
        close: (code, reason) => socket.close(code, reason),
      });
      attached = { socket, classic };
      strangers.add(address, classic);
    },
    message(message) {
      if (attached === null) return;
      const { socket, classic } = attached;
      const size = typeof message === "string" ? Buffer.byteLength(message) : message.length;
      if (size > sizeBytesMax(message, classic)) {
        socket.close(1009, "message too large");
        return;
      }
      if (typeof message === "string") classic.text(message);
      else classic.bytes(message);
    },
    signOfLife() {}, // Silence is never a reason here.
    drained() {},
    stopping() {},
    closed() {
      if (attached === null) return;
      strangers.remove(address, attached.classic);
      attached.classic.closed();
    },
  };
}

/** Binary messages of registered workers have the limit of all sockets. */
function sizeBytesMax(message: string | Uint8Array, { isRegistered }: ClassicConnection): number {
  if (!isRegistered) return unregisteredFrameBytesMax;
  return typeof message === "string" ? classicTextBytesMax : Infinity;
}

/** The answer 0 means dropped, but also that an empty message was sent. */
function sendBytes(socket: Socket, bytes: Uint8Array): boolean {
  if (socket.readyState !== WebSocket.OPEN) return false;
  return socket.sendBinary(bytes) !== 0 || bytes.length === 0;
}

/** Sockets that have not registered, by address. */
export type Strangers = {
  areTooMany(address: string): boolean;
  add(address: string, connection: ClassicConnection): void;
  remove(address: string, connection: ClassicConnection): void;
};

export function createStrangers(): Strangers {
  const byAddress = new Map<string, Set<ClassicConnection>>();

  return {
    areTooMany(address) {
      const known = byAddress.get(address);
      if (known === undefined || known.size < unregisteredSocketCountMax) return false;
      // Only now is it worth a look who has registered meanwhile; each leaves the set once.
      for (const connection of known) if (connection.isRegistered) known.delete(connection);
      return known.size >= unregisteredSocketCountMax;
    },
    add(address, connection) {
      const known = byAddress.get(address) ?? new Set();
      byAddress.set(address, known.add(connection));
    },
    remove(address, connection) {
      const known = byAddress.get(address);
      known?.delete(connection);
      if (known?.size === 0) byAddress.delete(address);
    },
  };
}
