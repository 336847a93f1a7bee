// The door of clients that hold a socket: the token of the API, the subprotocol chosen by name, and no page of
// another host. Browsers cannot set headers on a socket, so that their token may come as a subprotocol; it is never
// part of the address, and never echoed.

import { Elysia } from "elysia";
import type { Server } from "bun";
import type { Broker } from "../broker/broker.ts";
import { GridError } from "../domain/errors.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { AtEndOfTurn } from "../platform/turn.ts";
import { clientProtocol } from "../protocol/client-messages.ts";
import { originRefusal } from "./auth.ts";
import { createClientIntake } from "./client-intake.ts";
import { createClientOwner } from "./client-socket.ts";
import type { Gate } from "./gate.ts";
import { noParameters, readQuery } from "./query.ts";
import type { SocketOwner, Sockets } from "./sockets.ts";

export type ClientUpgradeDeps = {
  readonly broker: Broker;
  readonly sockets: Sockets;
  readonly atEndOfTurn: AtEndOfTurn;
  readonly clock: Clock;
  readonly log: Log;
  /** What a client with a token passes. */
  readonly clientGate: Gate;
  /** False once the server begins to stop. */
  readonly isTaking: () => boolean;
};

export function clientUpgrades(deps: ClientUpgradeDeps) {
  const { sockets, clientGate, isTaking } = deps;
  const intake = createClientIntake(deps);

  return new Elysia({ prefix: "/client" }).get("/", ({ request, server }) => {
    readQuery(request, noParameters);
    clientGate(request, server);
    const refusal = originRefusal(request);
    if (refusal !== null) throw refusal;
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") throw noSocket();
    requireOurProtocol(request);
    if (!isTaking()) {
      throw new GridError("shutting-down", "The server is stopping. Come back later.");
    }
    if (sockets.isFull()) {
      throw new GridError("overloaded", "The server has no room for more sockets.");
    }
    const data = createClientOwner({ ...deps, intake });
    const headers = new Headers({ "Sec-WebSocket-Protocol": clientProtocol });
    const upgrader: Server<SocketOwner> | null = server;
    if (upgrader?.upgrade(request, { data, headers }) === true) return undefined;
    throw noSocket();
  });
}

/** Clients that could not open a socket ask for the same in the plain way, to learn why: this is "no other reason". */
function noSocket(): GridError {
  return new GridError("malformed", "This address is for clients. Open it as a WebSocket.");
}

function requireOurProtocol({ headers }: Request): void {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  if (offered.split(",").some((one) => one.trim() === clientProtocol)) return;
  throw new GridError(
    "protocol-version",
    `This server speaks ${clientProtocol} here, and it was not offered. Offer it as the subprotocol.`,
    { protocols: [clientProtocol] },
  );
}
