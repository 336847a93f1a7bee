// Which server a command talks to, and with which key: what the environment names, else the one that a server of this
// machine entered in the user's context.toml.

import { allEntries, contextPath } from "../config/context.ts";
import { readText } from "../platform/files.ts";
import { environment, homeFolder } from "../platform/program.ts";

export type ServerAddress = { readonly url: string; readonly token?: string };

const fileBytesMax = 4 * 1024 * 1024;

/** A sentence when there is none, or when there are several and `name` chooses none of them. */
export async function findServer(name: string | null): Promise<ServerAddress | string> {
  const variables = environment();
  const url = variables["GRIDLIKE_URL"] ?? "";
  if (name === null && url !== "") {
    const token = variables["GRIDLIKE_TOKEN"] ?? variables["GRIDLIKE_API_KEY"] ?? "";
    return token === "" ? { url } : { url, token };
  }
  const path = variables["GRIDLIKE_CONTEXT"] ?? contextPath(variables, homeFolder());
  const read = path === null ? null : readText(path, fileBytesMax);
  const entries = allEntries(read?.kind === "text" ? read.text : "");
  if (entries === null) return `${path} is not valid TOML. Mend it, or set GRIDLIKE_URL.`;
  const known = entries.filter((entry) => entry.url !== null);
  const chosen = name === null ? known : known.filter((entry) => entry.name === name);
  const [entry, ...others] = chosen;
  if (entry === undefined || entry.url === null) return noServer(name, path);
  if (others.length > 0) {
    const names = known.map((one) => `${one.name} (${one.url})`).join(", ");
    return `${path} names several servers: ${names}. Choose one with --server, or set GRIDLIKE_URL and GRIDLIKE_TOKEN.`;
  }
  return entry.apiKey === null ? { url: entry.url } : { url: entry.url, token: entry.apiKey };
}

function noServer(name: string | null, path: string | null): string {
  const where = path ?? "context.toml, for which this user has no home,";
  const what = name === null ? "names no server" : `names no server ${JSON.stringify(name)}`;
  return `${where} ${what}. Set GRIDLIKE_URL and GRIDLIKE_TOKEN to the address and the API key of one.`;
}
