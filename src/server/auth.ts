// Who may use the API, and who may work. The token comes in a header, never in the address; it is looked at before the body is.

import { GridError } from "../domain/errors.ts";
import { tokenProtocolStart } from "../protocol/client-messages.ts";

export type ApiAuth = {
  /** Null is a request without any token: true only where authentication is turned off. */
  verifyApi(token: string | null): boolean;
  /** The same for the token of workers, which opens nothing else. */
  verifyWorker(token: string | null): boolean;
};

/** Why a request may not use the API, or null when it may. */
export function apiRefusal(auth: ApiAuth, request: Request): GridError | null {
  return refusal(request, auth.verifyApi);
}

/** Why a request may not claim jobs, or null when it may. */
export function workerRefusal(auth: ApiAuth, request: Request): GridError | null {
  return refusal(request, auth.verifyWorker);
}

/** Why a request may not become a client's socket, or null when it may. */
export function clientRefusal(auth: ApiAuth, request: Request): GridError | null {
  return refusal(request, auth.verifyApi, tokenOf(request) ?? offeredToken(request));
}

function refusal(
  request: Request,
  verify: (token: string | null) => boolean,
  token = tokenOf(request),
): GridError | null {
  if (verify(token)) {
    // Without a token the browser itself would be the credential, and any page may make it send requests.
    return token === null ? originRefusal(request) : null;
  }
  return new GridError(
    "unauthenticated",
    token === null
      ? "The request has no token. Send it as X-API-KEY or as Authorization: Bearer."
      : "The token is not known here. Send a valid one as X-API-KEY or as Authorization: Bearer.",
  );
}

/** `forbidden` when a web page of another host sent the request, else null. */
export function originRefusal({ headers }: Request): GridError | null {
  const origin = headers.get("origin");
  if (origin === null || hostOf(origin) === headers.get("host")?.toLowerCase()) return null;
  return new GridError(
    "forbidden",
    `A page of ${origin.slice(0, 256)} may not do this. Only pages of this server may.`,
  );
}

/** X-API-KEY wins, so that a proxy may use Authorization for itself. */
function tokenOf({ headers }: Request): string | null {
  const key = headers.get("x-api-key");
  if (key !== null) return key;
  const authorization = headers.get("authorization");
  if (authorization === null) return null;
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
}

/** What a browser, which sets no headers on a socket, offers as a subprotocol. */
function offeredToken({ headers }: Request): string | null {
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
  const found = offered.find((one) => one.startsWith(tokenProtocolStart));
  if (found === undefined) return null;
  try {
    const bytes = Uint8Array.fromBase64(found.slice(tokenProtocolStart.length), {
      alphabet: "base64url",
    });
    return new TextDecoder().decode(bytes);
  } catch {
    return ""; // Something was offered, and it is no token.
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
