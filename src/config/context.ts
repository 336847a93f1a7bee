// The user's own list of servers with their addresses and credentials: context.toml. A server that made its
// credentials itself enters them here, so that commands on the same machine work without typing. Everything
// else in the file stays as it is, comments included.

import { isAbsolute, join } from "node:path";

import type { Environment } from "../platform/program.ts";
import { arrayTables } from "./toml.ts";

/** One server. `dataDir` is empty for one of another machine; null of a field means unknown. */
export type ContextEntry = {
  readonly dataDir: string;
  readonly name: string;
  readonly url: string | null;
  readonly apiKey: string | null;
  readonly workerToken: string | null;
  /** Of the certificate that the server made itself. */
  readonly pin: string | null;
};

const head =
  "# Servers of GridLike and their credentials, read by its commands. Keep it to yourself.\n";

/** Where the file belongs, or null when the system knows no home of the user. */
export function contextPath(environment: Environment, home: string | null): string | null {
  const base = environment["XDG_CONFIG_HOME"];
  if (base !== undefined && isAbsolute(base)) return join(base, "gridlike", "context.toml");
  return home === null ? null : join(home, ".config", "gridlike", "context.toml");
}

/** The entry of a data directory, or null when there is none or the text is no TOML. */
export function findEntry(text: string, dataDir: string): ContextEntry | null {
  const block = blockOf(text, { dataDir, name: "" });
  return block === undefined ? null : toEntry(block.values);
}

/** All entries, or null when the text is no TOML. */
export function allEntries(text: string): readonly ContextEntry[] | null {
  const blocks = arrayTables(text, "server");
  return blocks?.map(({ values }) => toEntry(values)) ?? null;
}

function toEntry(values: ReadonlyMap<string, unknown>): ContextEntry {
  const get = (key: string) => {
    const value = values.get(key);
    return typeof value === "string" ? value : null;
  };
  return {
    dataDir: get("data_dir") ?? "",
    name: get("name") ?? "",
    url: get("url"),
    apiKey: get("api_key"),
    workerToken: get("worker_token"),
    pin: get("pin"),
  };
}

/** The text with this entry in place of the one of the same server, or null when it is no TOML. */
export function withEntry(text: string, entry: ContextEntry): string | null {
  if (arrayTables(text, "server") === null) return null;
  const block = blockOf(text, entry);
  if (block !== undefined) {
    return text.slice(0, block.start) + written(entry) + text.slice(block.end);
  }
  const before = text === "" ? head : text.endsWith("\n") ? text : `${text}\n`;
  return `${before}\n${written(entry)}\n`;
}

/** The text without the entry of this server, or null when it is no TOML. */
export function withoutEntry(text: string, entry: Pick<ContextEntry, "dataDir" | "name">) {
  if (arrayTables(text, "server") === null) return null;
  const block = blockOf(text, entry);
  if (block === undefined) return text;
  return `${text.slice(0, block.start).trimEnd()}\n${text.slice(block.end)}`;
}

/** Servers of this machine are told apart by their data directories, others by their names. */
function blockOf(text: string, { dataDir, name }: Pick<ContextEntry, "dataDir" | "name">) {
  return arrayTables(text, "server")?.find(({ values }) =>
    dataDir === ""
      ? values.get("data_dir") === undefined && values.get("name") === name
      : values.get("data_dir") === dataDir,
  );
}

function written(entry: ContextEntry): string {
  const values: readonly (readonly [string, string | null])[] = [
    ["name", entry.name],
    ["data_dir", entry.dataDir === "" ? null : entry.dataDir],
    ["url", entry.url],
    ["api_key", entry.apiKey],
    ["worker_token", entry.workerToken],
    ["pin", entry.pin],
  ];
  const lines = values.flatMap(([key, value]) =>
    value === null ? [] : [`${key} = ${tomlText(value)}`],
  );
  return ["[[server]]", ...lines].join("\n");
}

/** A TOML text is a JSON text, but for DEL, which TOML wants escaped. */
function tomlText(value: string): string {
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
