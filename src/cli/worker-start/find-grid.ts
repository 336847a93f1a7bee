// Which server a worker joins, with which token and by which pin: what its flags say, else what the environment says,
// else what the user's context.toml knows, so that on the server's own machine nothing needs to be typed.

import type { ContextEntry } from "../../config/context.ts";
import { readText } from "../../platform/files.ts";
import { environment, type Environment } from "../../platform/program.ts";
import { chooseServer, defaultUrl, readContext } from "../server-address.ts";

export type GridFlags = {
  /** An address, or a name in context.toml. */
  readonly server: string | null;
  readonly token: string | null;
  readonly tokenFile: string | null;
  readonly pin: string | null;
};

export type GridToJoin = {
  readonly url: string;
  /** Who said so; null when nobody did, and the usual place is tried. */
  readonly urlFrom: string | null;
  /** Null where none was found: a server without authentication takes anybody. */
  readonly token: string | null;
  readonly tokenFrom: string | null;
  readonly pin: string | null;
};

/** A sentence when there is none. */
export function findGrid(flags: GridFlags, variables = environment()): GridToJoin | string {
  const given = givenToken(flags, variables);
  if (typeof given === "string") return given;
  const named = namedAddress(flags.server, variables);
  if (typeof named === "string") return named;
  const pin = flags.pin ?? nonEmpty(variables["GRIDLIKE_PIN"]);
  const isAllSaid = named.url !== null && given.token !== null;
  const known = isAllSaid && pin !== null ? null : knownServer(flags.server, named.url, variables);
  // What is not needed may be broken.
  if (typeof known === "string") {
    if (!isAllSaid) return known;
    return { ...named, url: named.url ?? defaultUrl, ...given, pin };
  }
  const url = named.url ?? known?.entry?.url ?? null;
  const token = given.token ?? known?.entry?.workerToken ?? null;
  const path = known?.path ?? null;
  return {
    url: url ?? defaultUrl,
    urlFrom: named.urlFrom ?? (url === null ? null : path),
    token,
    tokenFrom: given.tokenFrom ?? (token === null ? null : path),
    pin: pin ?? known?.entry?.pin ?? null,
  };
}

type NamedAddress = { readonly url: string | null; readonly urlFrom: string | null };

function namedAddress(server: string | null, variables: Environment): NamedAddress | string {
  const variable = nonEmpty(variables["GRIDLIKE_URL"]);
  const [text, urlFrom] = server === null ? [variable, "GRIDLIKE_URL"] : [server, "--server"];
  if (text === null) return { url: null, urlFrom: null };
  const isAddress = /^(?:https?|wss?):\/\//i.test(text) && URL.canParse(text);
  if (isAddress) return { url: text, urlFrom };
  if (server !== null && !/[:/]/.test(server)) return { url: null, urlFrom: null };
  return `${urlFrom} is ${JSON.stringify(text)}, which is no address. Write one such as https://closet:7171.`;
}

type Given = { readonly token: string | null; readonly tokenFrom: string | null };

const tokenBytesMax = 64 * 1024;

function givenToken({ token, tokenFile }: GridFlags, variables: Environment): Given | string {
  if (token !== null && tokenFile !== null) {
    return "--join and --token-file both give a token. Leave one of them out.";
  }
  if (token !== null) return { token, tokenFrom: "--join" };
  if (tokenFile !== null) return tokenIn(tokenFile, "--token-file");
  for (const name of ["GRIDLIKE_WORKER_TOKEN", "GRIDLIKE_TOKEN"]) {
    const value = nonEmpty(variables[name]);
    if (value !== null) return { token: value, tokenFrom: name };
  }
  const file = nonEmpty(variables["GRIDLIKE_TOKEN_FILE"]);
  return file === null ? { token: null, tokenFrom: null } : tokenIn(file, "GRIDLIKE_TOKEN_FILE");
}

function tokenIn(path: string, by: string): Given | string {
  const read = readText(path, tokenBytesMax);
  if (read.kind !== "text") return `${by}: ${path} ${read.problem}.`;
  const token = read.text.trim();
  return token === "" ? `${by}: ${path} is empty.` : { token, tokenFrom: path };
}

type Known = { readonly path: string; readonly entry: ContextEntry | null };

/** The entry of an address or a name, or the one that commands talk to. */
function knownServer(
  server: string | null,
  url: string | null,
  variables: Environment,
): Known | string {
  const context = readContext(variables);
  if (typeof context === "string") return context;
  const { path, entries } = context;
  if (url !== null) {
    const entry = entries.find((one) => one.url !== null && isSame(one.url, url));
    return { path, entry: entry ?? null };
  }
  const entry = chooseServer(context, server);
  return typeof entry === "string" ? entry : { path, entry };
}

function isSame(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

/** ws and http are two doors of one server. */
function plain(url: string): string {
  const parsed = URL.parse(url.replace(/^ws/i, "http"));
  return (parsed?.href ?? url).replace(/\/+$/, "");
}

function nonEmpty(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}
