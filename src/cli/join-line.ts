// The line with which a worker joins a server, to be copied to another machine whole: address, token and pin. Safe
// to paste into a shell, whatever is in them.

import { unreachable } from "../domain/assert.ts";

/** How a worker shows that it may come in. `file`: with a token that is not to be shown, or not known, here. */
export type JoinAccess =
  | { readonly kind: "open" }
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "file" };

export type Joining = {
  readonly access: JoinAccess;
  /** Of the server's own certificate, or null. */
  readonly pin: string | null;
};

/** `work`: what the worker is to run, for the user to fill in. */
export function joinLine(url: string, { access, pin }: Joining, work = "-- COMMAND"): string {
  const server = ["--server", url.replace(/\/$/, "")];
  const flags = [...server, ...accessWords(access), ...(pin === null ? [] : ["--pin", pin])];
  return `gridlike worker start ${flags.map(quoted).join(" ")} ${work}`;
}

export type JoinPlaces = Joining & {
  /** The address for programs of this machine. */
  readonly localUrl: string;
  /** The address for other machines, or null when they cannot reach the server. */
  readonly outwardUrl: string | null;
  /** Whether commands of this user find all of it by themselves. */
  readonly isInContext: boolean;
};

/** What to tell the user of a server that has just started. */
export function joinNotices(places: JoinPlaces): readonly string[] {
  const { localUrl, outwardUrl, isInContext } = places;
  const whole = joinLine(localUrl, places);
  const here = tell("on this machine", isInContext ? simpleLine : whole);
  const beyond =
    outwardUrl !== null
      ? tell("on other machines", joinLine(outwardUrl, places))
      : isInContext
        ? tell("as another user of this machine", whole)
        : [];
  return [...here, ...beyond];
}

const simpleLine = "gridlike worker start -- COMMAND";

function tell(where: string, line: string): readonly string[] {
  return [`Start a worker ${where}:`, `  ${line}`];
}

function accessWords(access: JoinAccess): readonly string[] {
  switch (access.kind) {
    case "open":
      return [];
    case "token":
      return ["--join", access.token];
    case "file":
      return ["--token-file", "FILE"];
    default:
      return unreachable(access);
  }
}

/** A word as a POSIX shell takes it for itself. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
