// Where a worker finds its server: the socket, and the routes for large bytes, below whatever a proxy puts before.

import { requireBase } from "../../client/address.ts";
import { GridError } from "../../domain/errors.ts";

export type ServerAddress = {
  /** Of the worker socket. */
  readonly socketUrl: string;
  /** Of the HTTP API, with a slash at its end. */
  readonly apiUrl: string;
};

/** Throws `malformed` on what is no address of a server. */
export function toServerAddress(url: string): ServerAddress {
  const apiUrl = requireBase(url.replace(/^ws(s?):/i, "http$1:"));
  return { apiUrl, socketUrl: `${apiUrl.replace(/^http/, "ws")}worker` };
}

/** Where a job's payload is. `isOurs`: at the server itself, where the attempt's token opens it. */
export type PayloadPlace = { readonly url: string; readonly isOurs: boolean };

/** Resolved against the socket's address. Throws `malformed` on what leads nowhere by HTTP. */
export function toPayloadPlace(apiUrl: string, given: string): PayloadPlace {
  const url = URL.parse(given, `${apiUrl}worker`);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url !== null && isHttp && url.username === "" && url.password === "") {
    return { url: url.href, isOurs: url.origin === new URL(apiUrl).origin };
  }
  throw new GridError(
    "malformed",
    `The payload is said to be at "${given.slice(0, 200)}", where no HTTP leads.`,
  );
}

/** Where the server itself has a job's payload, small ones too. */
export function ownPayloadUrl(job: string, attempt: number): string {
  return `work/${encodeURIComponent(job)}/${attempt}/payload`;
}

export function toResultUrl(apiUrl: string, job: string, attempt: number): string {
  return `${apiUrl}work/${encodeURIComponent(job)}/${attempt}/result`;
}
