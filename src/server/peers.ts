// Who is at the other end of a request. A proxy that is trusted says it in X-Forwarded-For; nobody else is
// believed, because anyone can write that header.

export type Peers = {
  /** The address of the client itself. */
  address(request: Request, server: AddressBook): string;
  /** True when the request came through a proxy that is trusted. */
  isProxied(request: Request, server: AddressBook): boolean;
};

/** The part of Bun's server that knows addresses; null outside of one. */
export type AddressBook = {
  requestIP(request: Request): { readonly address: string } | null;
} | null;

export function createPeers(isProxy: (address: string) => boolean): Peers {
  const peer = (request: Request, server: AddressBook) =>
    plainAddress(server?.requestIP(request)?.address ?? "");

  return {
    address(request, server) {
      const nearest = peer(request, server);
      if (!isProxy(nearest)) return nearest;
      const hops = (request.headers.get("x-forwarded-for") ?? "").split(",").map(plainAddress);
      // Each proxy appends whom it saw: read from the right, the first stranger is the client.
      return hops.findLast((hop) => addressPattern.test(hop) && !isProxy(hop)) ?? nearest;
    },
    isProxied: (request, server) => isProxy(peer(request, server)),
  };
}

/** IPv4 seen through an IPv6 socket is IPv4. */
function plainAddress(text: string): string {
  return text.trim().replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

const addressPattern = /^[0-9a-fA-F.:]{2,45}$/;
