// Talks TLS to the one server whose certificate fits a pin. The certificate is looked at first, on a connection
// that says nothing; what comes back then makes fetch and WebSocket accept exactly that certificate, before a byte
// of a request is sent: a stranger who steps in between the two connections is refused as well.

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import type { PeerCertificate } from "node:tls";

import { GridError } from "../domain/errors.ts";
import { errorCodeOf } from "./durable-files.ts";
import { parsePin, pinOf } from "./pin.ts";
import type { Pin } from "./pin.ts";

/** For `fetch(url, { tls })` and `new WebSocket(url, { tls })`, as it is. */
export type TlsOptions = {
  /** The certificate itself, in PEM: no other authority is asked. */
  readonly ca: string;
  /** Else a certificate that an authority signed would not be trusted by itself. */
  readonly allowPartialTrustChain: true;
  /** Takes the place of looking for the host's name: addresses change, the certificate does not. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
};

/** Nobody answers there, or not with TLS: another time it may be different. */
export class UnreachableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnreachableError";
  }
}

/**
 * Looks who answers at `url`, to which nothing is said. `malformed` unless `url` is one of https or wss and `pin` a
 * pin; `forbidden` when the certificate is another one; UnreachableError when there is none to look at. Rejects with
 * the reason of `stop` when that fires.
 */
export async function openPinned(
  url: string | URL,
  pin: string,
  stop?: AbortSignal,
): Promise<TlsOptions> {
  const expected = parsePin(pin);
  const server = requireTlsAddress(url);
  const certificate = await certificateOf(server, stop);
  const found = pinOf(certificate);
  if (found !== expected) throw otherServer(server.host, expected, found);
  return {
    ca: new X509Certificate(certificate).toString(),
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, presented) => {
      const now = pinOf(new Uint8Array(presented.raw));
      return now === expected ? undefined : otherServer(server.host, expected, now);
    },
  };
}

/** A fetch that keeps such connections for the next request: plain fetch closes each one after its answer. */
export function createPinnedFetch(
  tls: TlsOptions,
): (url: string, init: RequestInit) => Promise<Response> {
  return new Bun.FetchSession({ tls }).fetch;
}

function requireTlsAddress(url: string | URL): URL {
  const text = String(url);
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (parsed?.protocol === "https:" || parsed?.protocol === "wss:") return parsed;
  throw new GridError(
    "malformed",
    `A pin is for an address like https://host:7171, and "${text}" is none. Copy both from what the server printed.`,
  );
}

/** The certificate in DER, from a handshake after which the connection is closed. */
function certificateOf(server: URL, stop: AbortSignal | undefined): Promise<Uint8Array> {
  const host = server.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = server.port === "" ? httpsPort : Number(server.port);
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  if (stop?.aborted === true) return Promise.reject(stop.reason as Error);
  const socket = connect({
    host,
    port,
    rejectUnauthorized: false, // Looked at by ourselves; nothing is sent.
    ...(isIP(host) === 0 && { servername: host }),
  });
  const give = (why: string, cause?: unknown) =>
    reject(
      new UnreachableError(`No server can be recognised at ${server.host}: ${why}`, { cause }),
    );
  const onStop = () => reject(stop?.reason as Error); // The caller's own reason.
  stop?.addEventListener("abort", onStop, { once: true });
  socket.setTimeout(handshakeMsMax, () => give(`no answer within ${handshakeMsMax / 1000} s.`));
  socket.once("error", (error) => give(sentenceFor(error), error));
  socket.once("close", () => give("it closed the connection."));
  socket.once("secureConnect", () => {
    const { raw } = socket.getPeerCertificate();
    // The types promise one, and a server without certificate has none.
    if ((raw as Uint8Array | undefined) === undefined) give("it has no certificate.");
    else resolve(new Uint8Array(raw));
  });
  return promise.finally(() => {
    stop?.removeEventListener("abort", onStop);
    socket.destroy();
  });
}

const httpsPort = 443;

/** A handshake takes two ways there and back; who needs longer is not there. */
const handshakeMsMax = 10_000;

function sentenceFor(error: Error): string {
  const code = errorCodeOf(error) ?? error.message;
  if (code === "ECONNREFUSED") return "nothing listens there. Is it running, and the port right?";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the name leads nowhere.";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return "it speaks no TLS. Without TLS a server has no pin, and its address begins with http.";
  }
  return `${code}.`;
}

function otherServer(host: string, expected: Pin, found: Pin): GridError {
  return new GridError(
    "forbidden",
    `The server at ${host} is not the one that was pinned: its certificate is ${found}, expected was ${expected}. Nothing was sent to it. If its certificate was made anew, take the new pin from what the server prints when it starts; else somebody stands in between.`,
    { expected, found },
  );
}
