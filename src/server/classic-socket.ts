// The door of the original's workers: an upgrade without subprotocol that nobody has to prove anything for,
// and therefore little is given to until the worker has registered. What is said is the broker's business.

import { Elysia } from "elysia";
import type { Server } from "bun";
import type { Broker, ClassicConnection } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import {
  classicTextBytesMax,
  unregisteredFrameBytesMax,
  unregisteredSocketCountMax,
} from "../domain/limits.ts";
import { originRefusal } from "./auth.ts";
import type { Peers } from "./peers.ts";
import { noParameters, readQuery } from "./query.ts";
import { requireTypeOf } from "./submit-routes.ts";
import type { Socket, SocketOwner, Sockets } from "./sockets.ts";

export type ClassicDeps = {
  readonly broker: Broker;
  readonly sockets: Sockets;
  readonly peers: Peers;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

type Upgrader = Server<SocketOwner> | null;

export function classicRoutes(deps: ClassicDeps) {
  const door = createDoor(deps);
  return new Elysia({ prefix: "/worker" })
    .get("/", ({ request, server }) => door(request, server, null))
    .get("/:type", ({ request, server, params }) => door(request, server, params.type));
}

function createDoor({ broker, sockets, peers, isTaking }: ClassicDeps) {
  const strangers = createStrangers();
  let count = 0;

  return (request: Request, server: Upgrader, typeName: string | null): Response | undefined => {
    readQuery(request, noParameters);
    const type = requireTypeOf(broker, typeName, "GET /api/worker").name;
    const refusal = originRefusal(request);
    if (refusal !== null) throw refusal;
    refuseOtherProtocols(request);
    if (!isTaking())
      throw new GridError("shutting-down", "The server is stopping. Come back later.");
    if (sockets.isFull())
      throw new GridError("overloaded", "The server has no room for more sockets.");
    const address = peers.address(request, server);
    if (strangers.areTooMany(address)) {
      throw new GridError(
        "rate-limited",
        `${unregisteredSocketCountMax} sockets of ${address} have yet to register. Register those first.`,
      );
    }
    count += 1;
    const data = createOwner({ broker, strangers, type, address, connection: `c${count}` });
    if (server?.upgrade(request, { data }) === true) return undefined;
    throw new GridError("malformed", "This address is for workers. Open it as a WebSocket.");
  };
}

type OwnerDeps = {
  readonly broker: Broker;
  readonly strangers: Strangers;
  readonly type: string;
  readonly address: string;
  readonly connection: string;
};

function createOwner({ broker, strangers, type, address, connection }: OwnerDeps): SocketOwner {
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

function refuseOtherProtocols({ headers }: Request): void {
  const offered = headers.get("sec-websocket-protocol");
  if (offered === null) return;
  throw new GridError(
    "protocol-version",
    `The subprotocol ${offered.slice(0, 64)} is not spoken here. Leave it out for the classic protocol.`,
  );
}

/** Sockets that have not registered, by address. */
type Strangers = {
  areTooMany(address: string): boolean;
  add(address: string, connection: ClassicConnection): void;
  remove(address: string, connection: ClassicConnection): void;
};

function createStrangers(): Strangers {
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
