// fetch, with the TLS that a server needs kept in one place.

import { createPinnedFetch, type TlsOptions } from "./pinned-tls.ts";

/** What of fetch is used: an address and an init. */
export type WebFetch = (url: string, init: RequestInit) => Promise<Response>;

/** `tls`: what the runtime's TLS takes, or null for what this machine trusts. */
export function createWebFetch(tls: { readonly ca: string } | null): WebFetch {
  if (tls === null) return (url, init) => fetch(url, init);
  return createPinnedFetch(tls as TlsOptions); // It passes on what is in it, as it is.
}
