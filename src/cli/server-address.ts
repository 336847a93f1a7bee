// Which server a command talks to, and with which key: what its flags name, else what the environment names, else the
// one in the user's context.toml, else a server at the usual place of this machine.

import { allEntries, contextPath, type ContextEntry } from "../config/context.ts";
import { currentServer } from "../config/current-server.ts";
import { didYouMean } from "../domain/nearest.ts";
import { readText } from "../platform/files.ts";
import { holderPath } from "../wiring/holder.ts";
import { environment, homeFolder, type Environment } from "../platform/program.ts";

export type ServerChoice = {
  /** A name in context.toml or an address, or null. */
  readonly name: string | null;
  /** An address, or null. */
  readonly url: string | null;
};

export type ServerAddress = {
  readonly url: string;
  /** Who said so, for the sentence when nobody answers there; null when nobody did. */
  readonly urlFrom: string | null;
  readonly token?: string;
  /** Where the token comes from, for the sentence when it is refused. */
  readonly tokenFrom: string | null;
  /** Of the certificate that the server made itself. */
  readonly pin?: string;
  /** Of the server's files, when it is one of this machine. */
  readonly dataDir?: string;
};

export const defaultUrl = "http://127.0.0.1:7171";
const fileBytesMax = 4 * 1024 * 1024;
const tokenBytesMax = 64 * 1024;

/** A sentence when there is none, or when there are several and nothing chooses one of them. */
export function findServer(choice: ServerChoice): ServerAddress | string {
  const variables = environment();
  const given = secretsOf(variables);
  if (typeof given === "string") return given;
  const named = choice.url ?? (/^https?:/i.test(choice.name ?? "") ? choice.name : null);
  if (named !== null) return fromFlag(named, variables, given);
  const url = variables["GRIDLIKE_URL"] ?? "";
  if (choice.name === null && url !== "") return { url, urlFrom: "GRIDLIKE_URL", ...given };
  const context = readContext(variables);
  if (typeof context === "string") return context;
  const chosen = chooseServer(context, choice.name);
  if (typeof chosen === "string") return chosen;
  if (chosen === null) return { url: defaultUrl, urlFrom: null, ...given };
  return fromEntry(chosen, chosen.url, context.path, given);
}

export type Context = {
  readonly path: string;
  readonly text: string;
  readonly entries: readonly ContextEntry[];
  readonly current: string | null;
};

/** The user's list of servers; a sentence when it cannot be used. */
export function readContext(variables: Environment = environment()): Context | string {
  const path = variables["GRIDLIKE_CONTEXT"] ?? contextPath(variables, homeFolder());
  if (path === null) return { path: "context.toml", text: "", entries: [], current: null };
  const read = readText(path, fileBytesMax);
  if (read.kind === "unreadable") return `${path} ${read.problem}. Mend it, or set GRIDLIKE_URL.`;
  const text = read.kind === "text" ? read.text : "";
  const entries = allEntries(text);
  if (entries === null) return `${path} is not valid TOML. Mend it, or set GRIDLIKE_URL.`;
  return { path, text, entries, current: currentServer(text) };
}

/** True when `name` is how a person would call this entry. */
export function isCalled(entry: ContextEntry, name: string): boolean {
  return [entry.name, entry.url, entry.dataDir].includes(name);
}

type Reachable = ContextEntry & { readonly url: string };

/** The one of this name, or the one that commands talk to. Null when there is none and none was asked for. */
export function chooseServer({ path, entries, current }: Context, name: string | null) {
  const known = entries.filter((entry): entry is Reachable => entry.url !== null);
  const marked = known.filter((entry) => current !== null && isCalled(entry, current));
  const called = name === null ? marked : known.filter((entry) => isCalled(entry, name));
  const chosen = name === null && called.length === 0 ? alone(known) : called;
  const [entry, ...others] = chosen;
  if (entry !== undefined && others.length === 0) return entry;
  if (entry !== undefined) {
    const names = chosen.map((one) => `${one.name} (${one.url})`).join(", ");
    return `${path} names several servers: ${names}. Choose one with --server, or for good with gridlike context use; its address does where names are the same.`;
  }
  if (name === null) return null;
  const near = didYouMean(
    name,
    known.map((one) => one.name),
  );
  return `${path} names no server ${JSON.stringify(name)}.${near} See gridlike context list, or set GRIDLIKE_URL and GRIDLIKE_TOKEN to the address and the API key of one.`;
}

/** Of several that nothing chooses from, the one that runs on this machine, where only one does. */
function alone(known: readonly Reachable[]): readonly Reachable[] {
  const running = known.filter(
    ({ dataDir }) =>
      dataDir !== "" && readText(holderPath(dataDir), fileBytesMax).kind !== "missing",
  );
  return running.length === 1 ? running : known;
}

/** The key of an address that the context knows, unless the environment gives one. */
function fromFlag(url: string, variables: Environment, given: Given): ServerAddress | string {
  const urlFrom = "--url";
  if (given.token !== undefined) return { url, urlFrom, ...given };
  const context = readContext(variables);
  if (typeof context === "string") return context;
  const entry = context.entries.find((one) => one.url !== null && isSameUrl(one.url, url));
  if (entry === undefined) return { url, urlFrom, ...given };
  return { ...fromEntry(entry, url, context.path, given), urlFrom };
}

function fromEntry(entry: ContextEntry, url: string, path: string, given: Given): ServerAddress {
  const { dataDir, apiKey, pin } = entry;
  return {
    url,
    urlFrom: path,
    ...given,
    ...(apiKey === null ? {} : { token: apiKey, tokenFrom: path }),
    ...(pin === null ? {} : { pin }),
    ...(dataDir === "" ? {} : { dataDir }),
  };
}

type Given = Pick<ServerAddress, "token" | "tokenFrom" | "pin">;

/** The key and the pin that the environment gives; a sentence when a file cannot be read. */
function secretsOf(variables: Environment): Given | string {
  const { GRIDLIKE_PIN = "" } = variables;
  const pin = GRIDLIKE_PIN === "" ? {} : { pin: GRIDLIKE_PIN };
  for (const name of ["GRIDLIKE_TOKEN", "GRIDLIKE_API_KEY"]) {
    const token = variables[name] ?? "";
    if (token !== "") return { ...pin, token, tokenFrom: name };
    const path = variables[`${name}_FILE`] ?? "";
    if (path === "") continue;
    const read = readText(path, tokenBytesMax);
    if (read.kind !== "text") return `${name}_FILE: ${path} ${read.problem}.`;
    return { ...pin, token: read.text.trim(), tokenFrom: path };
  }
  return { ...pin, tokenFrom: null };
}

function isSameUrl(one: string, other: string): boolean {
  return one.replace(/\/+$/, "") === other.replace(/\/+$/, "");
}
