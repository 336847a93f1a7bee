// Which Host names are served here. A web page of a stranger can lead its own name to this address (DNS
// rebinding) and then counts as same-origin. On a loopback address, and wherever no token is asked for, only
// names known to be ours are answered; elsewhere the token protects, and a network may call us as it likes.

import { GridError } from "../domain/errors.ts";

export type ServedHosts = {
  /** What the server listens on: an address or a name. */
  readonly bound: string;
  /** Further names that lead here, such as the machine's own. */
  readonly names: readonly string[];
  /** Whether requests without a token are served. */
  readonly isOpen: boolean;
};

/** `malformed` unless `header` is one host name. True when that host is served here. */
export type ServesHost = (header: string | null) => boolean;

export function createServesHost({ bound, names, isOpen }: ServedHosts): ServesHost {
  const served = new Set([bound, ...names].map(toHostName));
  const isLoopbackOnly = isLoopback(toHostName(bound));
  const isServed = (host: string): boolean =>
    served.has(host) ||
    isLoopback(host) ||
    // An address cannot be led elsewhere: only names can.
    (!isLoopbackOnly && (!isOpen || isAddress(host)));
  // Clients repeat themselves: the last header that was right needs no second look.
  let lastServed: string | null = null;
  return (header) => {
    if (header !== null && header === lastServed) return true;
    if (!isServed(requireHostName(header))) return false;
    lastServed = header;
    return true;
  };
}

export function hostNotServed(header: string | null): GridError {
  return new GridError(
    "host-not-served",
    `The host name ${header} is not served here. Use the address that the server was started with.`,
  );
}

/** Lower case, without port, brackets and the root's dot. */
export function toHostName(host: string): string {
  const colon = host.indexOf(":");
  const hasOneColon = colon >= 0 && !host.includes(":", colon + 1);
  const bare = host.startsWith("[")
    ? host.slice(1, host.indexOf("]"))
    : hasOneColon
      ? host.slice(0, colon)
      : host;
  return bare.toLowerCase().replace(/\.$/, "");
}

function requireHostName(header: string | null): string {
  if (header === null || header === "") {
    throw new GridError("malformed", "The request has no Host header. Send one.");
  }
  // Two Host headers arrive as one with a comma between.
  if (header.length > hostLengthMax || !hostPattern.test(header)) {
    throw new GridError("malformed", "The Host header is not one host name. Send exactly one.");
  }
  return toHostName(header);
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1") return true;
  return /^127(\.[0-9]{1,3}){3}$/.test(host);
}

function isAddress(host: string): boolean {
  return /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host) || /^[0-9a-f:.]*:[0-9a-f:.]*$/.test(host);
}

const hostLengthMax = 262;
const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$/;
