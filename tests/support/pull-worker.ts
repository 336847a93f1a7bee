// A worker without a socket, over real HTTP: claims, and what the token of its attempt opens.

import type { Door } from "./http-door.ts";
import { workerToken } from "./http-door.ts";

export type Claimed = {
  readonly answer: Response;
  readonly body: string;
  readonly id: string;
  readonly attempt: string;
  readonly token: string;
  /** A request under the attempt, with its token unless headers say otherwise. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  /** The verdict of a report. */
  readonly tell: (path: string, body?: unknown) => Promise<string>;
  readonly put: (bytes: string, headers?: Record<string, string>) => Promise<Response>;
};

/** The raw answer to a claim, with the worker's token unless headers say otherwise. */
export function claimRaw(
  { api }: Pick<Door, "api">,
  query = "?wait_s=30",
  { type, ...given }: Record<string, string> = {},
): Promise<Response> {
  const headers = new Headers(given);
  if (!headers.has("x-api-key") && !headers.has("authorization")) {
    headers.set("X-API-KEY", workerToken);
  }
  const path = type === undefined ? "/work/claim" : `/work/${type}/claim`;
  return fetch(api + path + query, { method: "POST", headers });
}

export async function claim(
  door: Pick<Door, "api">,
  query?: string,
  headers?: Record<string, string>,
): Promise<Claimed> {
  const answer = await claimRaw(door, query, headers);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${body}`);
  return { answer, body, ...attemptOf(door, answer.headers) };
}

/** The same attempt, elsewhere or later. */
export function attemptOf({ api }: Pick<Door, "api">, told: Headers) {
  const [id, attempt, token] = ["job", "attempt", "attempt-token"].map(
    (name) => told.get(`gridlike-${name}`) ?? "",
  ) as [string, string, string];
  const call = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("gridlike-attempt-token")) headers.set("Gridlike-Attempt-Token", token);
    return fetch(`${api}/work/${id}/${attempt}/${path}`, { ...init, headers });
  };
  return {
    id,
    attempt,
    token,
    call,
    async tell(path: string, body?: unknown) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await call(path, { method: "POST", ...sent });
      return ((await answer.json()) as { readonly verdict: string }).verdict;
    },
    put: (bytes: string, headers: Record<string, string> = {}) =>
      call("result", { method: "PUT", body: bytes, headers }),
  };
}
