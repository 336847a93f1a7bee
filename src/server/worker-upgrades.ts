// The door of all workers that hold a socket. The subprotocol that is offered decides: `gridlike.v2`, whose upgrade
// brings the worker token, or none, which is the classic protocol.

import { Elysia } from "elysia";
import type { Server } from "bun";
import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import { unregisteredSocketCountMax } from "../domain/limits-server.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import { workerProtocol } from "../protocol/worker-messages.ts";
import { originRefusal } from "./auth.ts";
import { createClassicOwner, createStrangers } from "./classic-socket.ts";
import type { Gate } from "./gate.ts";
import type { Peers } from "./peers.ts";
import { noParameters, readQuery } from "./query.ts";
import type { SocketOwner, Sockets } from "./sockets.ts";
import { requireTypeOf } from "./submit-routes.ts";
import { createWorkerOwner } from "./worker-socket.ts";

export type UpgradeDeps = {
  readonly broker: Broker;
  readonly sockets: Sockets;
  readonly peers: Peers;
  readonly atEndOfTurn: AtEndOfTurn;
  /** What a worker with a token passes. */
  readonly workerGate: Gate;
  readonly servesClassic: boolean;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

type Upgrader = Server<SocketOwner> | null;

export function workerUpgrades(deps: UpgradeDeps) {
  const door = createDoor(deps);
  return new Elysia({ prefix: "/worker" })
    .get("/", ({ request, server }) => door(request, server, null))
    .get("/:type", ({ request, server, params }) => door(request, server, params.type));
}

function createDoor(deps: UpgradeDeps) {
  const { broker, sockets, peers, isTaking } = deps;
  const strangers = createStrangers();
  let count = 0;

  const nextConnection = (letter: "c" | "w") => {
    count += 1;
    return `${letter}${count}`;
  };
  const requireRoom = () => {
    if (!isTaking()) {
      throw new GridError("shutting-down", "The server is stopping. Come back later.");
    }
    if (!sockets.isFull()) return;
    throw new GridError("overloaded", "The server has no room for more sockets.");
  };
  const openClassic = (address: string, typeName: string | null): SocketOwner => {
    if (!deps.servesClassic) throw wrongProtocol("none was offered");
    const type = requireTypeOf(broker, typeName, "GET /api/worker").name;
    requireRoom();
    if (!strangers.areTooMany(address)) {
      const connection = nextConnection("c");
      return createClassicOwner({ broker, strangers, type, address, connection });
    }
    throw new GridError(
      "rate-limited",
      `${unregisteredSocketCountMax} sockets of ${address} have yet to register. Register those first.`,
    );
  };
  const openWorker = (address: string, typeName: string | null): SocketOwner => {
    if (typeName !== null) throw typeInAddress();
    requireRoom();
    const { atEndOfTurn } = deps;
    return createWorkerOwner({ broker, atEndOfTurn, address, connection: nextConnection("w") });
  };

  return (request: Request, server: Upgrader, typeName: string | null): Response | undefined => {
    readQuery(request, noParameters);
    const isClassic = isClassicOffer(request);
    if (!isClassic) deps.workerGate(request, server);
    const refusal = originRefusal(request);
    if (refusal !== null) throw refusal;
    const address = peers.address(request, server);
    const data = isClassic ? openClassic(address, typeName) : openWorker(address, typeName);
    // Chosen by name: else the runtime would take the first one that is offered.
    const headers = new Headers();
    if (!isClassic) headers.set("Sec-WebSocket-Protocol", workerProtocol);
    if (server?.upgrade(request, { data, headers }) === true) return undefined;
    throw new GridError("malformed", "This address is for workers. Open it as a WebSocket.");
  };
}

/** Throws when other subprotocols are offered, and not ours. */
function isClassicOffer({ headers }: Request): boolean {
  const offered = headers.get("sec-websocket-protocol");
  if (offered === null) return true;
  if (offered.split(",").some((one) => one.trim() === workerProtocol)) return false;
  throw wrongProtocol(`${JSON.stringify(offered.slice(0, 64))} was offered`);
}

function wrongProtocol(what: string): GridError {
  return new GridError(
    "protocol-version",
    `This server speaks ${workerProtocol} here, and ${what}. Offer it as the subprotocol; leave it out for the classic protocol, where that is served.`,
    { protocols: [workerProtocol] },
  );
}

function typeInAddress(): GridError {
  return new GridError(
    "malformed",
    "The address names a type. A worker that speaks gridlike.v2 names its types in hello; open /api/worker.",
  );
}
