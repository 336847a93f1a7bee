// What every request to the API passes before its body is read: a Host of ours, a path that can be decoded,
// a right token. Tied to the routes themselves, never to a comparison of paths that could be outwitted.

import { GridError } from "../domain/errors.ts";
import { requestUrlBytesMax } from "../domain/limits-server.ts";
import type { Log } from "../platform/log.ts";
import { apiRefusal, clientRefusal, workerRefusal, type ApiAuth } from "./auth.ts";
import { hostNotServed, type ServesHost } from "./hosts.ts";
import type { AddressBook, Peers } from "./peers.ts";

/** Throws what is wrong with the request. */
export type Gate = (request: Request, server: AddressBook) => void;

export type GateDeps = { readonly servesHost: ServesHost; readonly peers: Peers };

/** For doors that ask for a token in their own way. */
export function createOpenGate({ servesHost, peers }: GateDeps): Gate {
  return (request, server) => {
    const host = request.headers.get("host");
    // A proxy answers for the names that it serves itself.
    if (!servesHost(host) && !peers.isProxied(request, server)) throw hostNotServed(host);
    refuseBadUrl(request.url);
  };
}

export type TokenGateDeps = GateDeps & { readonly auth: ApiAuth; readonly log: Log };

export function createApiGate(deps: TokenGateDeps): Gate {
  return createTokenGate(deps, "api.refused", (request) => apiRefusal(deps.auth, request));
}

/** For sockets of clients, whose token may come in another place. */
export function createClientGate(deps: TokenGateDeps): Gate {
  return createTokenGate(deps, "api.refused", (request) => clientRefusal(deps.auth, request));
}

/** For claims of workers. */
export function createWorkerGate(deps: TokenGateDeps): Gate {
  return createTokenGate(deps, "worker.refused", (request) => workerRefusal(deps.auth, request));
}

function createTokenGate(
  deps: TokenGateDeps,
  event: string,
  refusalOf: (request: Request) => GridError | null,
): Gate {
  const openGate = createOpenGate(deps);
  return (request, server) => {
    openGate(request, server);
    const refusal = refusalOf(request);
    if (refusal === null) return;
    deps.log.warn(event, { why: refusal.code, address: deps.peers.address(request, server) });
    throw refusal;
  };
}

/** The router decodes paths leniently and would take a broken key for another one. */
function refuseBadUrl(url: string): void {
  if (url.length > requestUrlBytesMax) {
    throw new GridError("malformed", `The address has more than ${requestUrlBytesMax} bytes.`);
  }
  if (!url.includes("%")) return;
  const query = url.indexOf("?");
  try {
    decodeURIComponent(query < 0 ? url : url.slice(0, query));
  } catch {
    throw new GridError("malformed", "The path has a % that begins no encoded UTF-8 character.");
  }
}
