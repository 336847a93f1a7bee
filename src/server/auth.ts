// Who may use the API. The token comes in a header, never in the address; it is looked at before the body is.

import { GridError } from "../domain/errors.ts";

export type ApiAuth = {
  /** Null is a request without any token: true only where authentication is turned off. */
  verifyApi(token: string | null): boolean;
};

/** Lets a request with a right token pass, else throws `unauthenticated`. */
export function requireApiToken(auth: ApiAuth, request: Request): void {
  const token = apiToken(request);
  if (!auth.verifyApi(token)) {
    throw new GridError(
      "unauthenticated",
      token === null
        ? "The request has no token. Send it as X-API-KEY or as Authorization: Bearer."
        : "The token is not known here. Send a valid one as X-API-KEY or as Authorization: Bearer.",
    );
  }
  // Without a token the browser itself would be the credential, and any page may make it send requests.
  if (token === null) refuseForeignOrigin(request);
}

/** Throws `forbidden` when a web page of another host sent the request. */
export function refuseForeignOrigin({ headers }: Request): void {
  const origin = headers.get("origin");
  if (origin === null || hostOf(origin) === headers.get("host")?.toLowerCase()) return;
  throw new GridError(
    "forbidden",
    `A page of ${origin.slice(0, 256)} may not do this. Only pages of this server may.`,
  );
}

/** X-API-KEY wins, so that a proxy may use Authorization for itself. */
function apiToken({ headers }: Request): string | null {
  const key = headers.get("x-api-key");
  if (key !== null) return key;
  const authorization = headers.get("authorization");
  if (authorization === null) return null;
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
