// Who may use the API, and who may work. The token comes in a header, never in the address; it is looked at before the body is.

import { GridError } from "../domain/errors.ts";

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

function refusal(request: Request, verify: (token: string | null) => boolean): GridError | null {
  const token = tokenOf(request);
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

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
