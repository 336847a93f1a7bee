// Where the API is and how its routes are written. What stands before /api in the given address is kept, so that
// a server may be mounted anywhere behind a proxy.

import { keyProblem, parseJobRef } from "../domain/key.ts";
import { ClientError } from "./client-error.ts";

/** A job by its key, its id or its short number. */
export type JobName = string | number;

/** Values of a query; what is undefined is left out. */
export type Query = { readonly [name: string]: string | number | boolean | undefined };

/** The address of the API with a slash at its end. Throws `malformed` on what is no address of a server. */
export function requireBase(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text)) {
    throw new ClientError(
      "malformed",
      `"${text}" is no address. Give one like http://host:7171 or https://host/grid.`,
    );
  }
  const { protocol, origin, pathname, username, password } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") {
    throw new ClientError("malformed", `The address begins with ${protocol} but must be http(s).`);
  }
  if (username !== "" || password !== "") {
    throw new ClientError(
      "malformed",
      `The address of ${origin} holds credentials. Give the token as an option.`,
    );
  }
  return `${origin}${pathname.replace(/\/+$/, "")}/api/`;
}

export function toUrl(base: string, path: readonly string[], query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) words.set(name, value === true ? "1" : String(value));
  }
  const encoded = path.map((segment) => encodeURIComponent(segment)).join("/");
  return `${base}${encoded}${words.size === 0 ? "" : `?${words.toString()}`}`;
}

/** The path of a job. A name that cannot be a key would lead to another route: it is refused here. */
export function jobPath(job: JobName, ...rest: readonly string[]): readonly string[] {
  const name = String(job);
  const ref = parseJobRef(name);
  const problem = ref.by === "key" ? keyProblem(name) : null;
  if (problem !== null) throw new ClientError("malformed", problem);
  return ["jobs", name, ...rest];
}

/** One segment of a path, like the name of a group: dots alone would climb, nothing would vanish. */
export function requireSegment(what: string, name: string): string {
  if (name !== "" && name !== "." && name !== ".." && name.isWellFormed()) return name;
  throw new ClientError("malformed", `"${name}" cannot be the name of a ${what}.`);
}

/** The cursor of the next page, from a Link header, or null on the last page. */
export function nextCursor(link: string | null): string | null {
  const [, target = null] = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(link ?? "") ?? [];
  if (target === null) return null;
  // Only its query counts: whatever a proxy made of the rest, pages come from where the first one came from.
  return new URLSearchParams(target.slice(target.indexOf("?") + 1)).get("cursor");
}
