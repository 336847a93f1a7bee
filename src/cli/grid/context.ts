// The user's own list of servers: shows it, chooses the one that commands talk to, adds and takes away. Keys are
// never shown, and never stand on a command line, where others of this machine could read them.

import { dirname } from "node:path";

import { withEntry, withoutEntry, type ContextEntry } from "../../config/context.ts";
import { withCurrentServer } from "../../config/current-server.ts";
import { GridError } from "../../domain/errors.ts";
import { didYouMean } from "../../domain/nearest.ts";
import { makePrivateDirectory, replaceFile } from "../../platform/durable-files.ts";
import { readText } from "../../platform/files.ts";
import { parsePin } from "../../platform/pin.ts";
import { exitWhenDone } from "../../platform/program.ts";
import { readStdin } from "../../platform/user-files.ts";
import { exitCode } from "../exit-code.ts";
import { printJson, printNotice, printResult, writeLines } from "../output.ts";
import { toSafeLine } from "../safe-text.ts";
import { chooseServer, isCalled, readContext, type Context } from "../server-address.ts";
import { toTable, type Column } from "../table.ts";
import { UsageMistake } from "../trouble.ts";

const tokenBytesMax = 64 * 1024;

export async function contextList(isJson: boolean): Promise<void> {
  await useContext(async (context) => {
    const { entries } = context;
    if (isJson) return printJson(entries.map((entry) => toJson(entry, context)));
    if (entries.length === 0) return printNotice(`${context.path} names no server.`);
    await writeLines(toTable(columns(context), entries));
  });
}

export async function contextUse(name: string): Promise<void> {
  await useContext(async (context) => {
    const entry = requireEntry(context, name);
    // Where two have the same name, what tells them apart is written down.
    const isAlone = context.entries.filter((one) => one.name === entry.name).length === 1;
    await save(context, withCurrentServer(context.text, isAlone ? entry.name : entry.dataDir));
    printResult(`Commands talk to ${entry.name} at ${entry.url ?? "no known address"}.`);
  });
}

export type ContextAddOptions = {
  readonly name: string;
  readonly url: string;
  /** A file with the API key; `-` is standard input. Null: it wants none. */
  readonly tokenFile: string | null;
  /** Of the certificate that it made itself. */
  readonly pin: string | null;
};

export async function contextAdd({ name, url, tokenFile, pin }: ContextAddOptions): Promise<void> {
  await useContext(async (context) => {
    const isAddress = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (!isAddress) {
      throw new UsageMistake(`"${url}" is no address of a server. Give one like http://host:7171.`);
    }
    if (context.entries.some((entry) => entry.name === name && entry.dataDir !== "")) {
      throw new UsageMistake(
        `A server of this machine is called ${name} already. Choose another name.`,
      );
    }
    const apiKey = tokenFile === null ? null : await readToken(tokenFile);
    if (pin !== null) requirePin(pin);
    const entry = { name, url, apiKey, workerToken: null, dataDir: "", pin };
    await save(context, withEntry(context.text, entry));
    printResult(`Added ${name} at ${url}.`);
  });
}

export async function contextRm(name: string): Promise<void> {
  await useContext(async (context) => {
    const entry = requireEntry(context, name);
    const isCurrent = context.current !== null && isCalled(entry, context.current);
    const rest = withoutEntry(context.text, entry);
    const changed = rest !== null && isCurrent ? withCurrentServer(rest, null) : rest;
    await save(context, changed);
    printResult(`Removed ${entry.name}. The server itself is as it was.`);
  });
}

async function useContext(work: (context: Context) => Promise<void> | void): Promise<void> {
  try {
    const context = readContext();
    if (typeof context === "string") throw new UsageMistake(context);
    await work(context);
  } catch (error) {
    if (!(error instanceof UsageMistake)) throw error;
    printNotice(`gridlike: ${error.message}`);
    exitWhenDone(exitCode.usage);
  }
}

async function save({ path }: Context, text: string | null): Promise<void> {
  if (text === null)
    throw new UsageMistake(
      `${path} is written in a way that cannot be changed here. Mend it by hand.`,
    );
  await makePrivateDirectory(dirname(path));
  await replaceFile(path, text);
}

function requireEntry({ path, entries }: Context, name: string): ContextEntry {
  const [entry, ...others] = entries.filter((one) => isCalled(one, name));
  if (entry !== undefined && others.length === 0) return entry;
  if (entry === undefined) {
    const near = didYouMean(
      name,
      entries.map((one) => one.name),
    );
    throw new UsageMistake(`${path} names no server "${name}".${near} See gridlike context list.`);
  }
  const ways = [entry, ...others].map(({ url, dataDir }) => url ?? dataDir).join(", ");
  throw new UsageMistake(`Several servers are called ${name}. Name one by its address: ${ways}.`);
}

function requirePin(pin: string): void {
  try {
    parsePin(pin);
  } catch (error) {
    throw error instanceof GridError ? new UsageMistake(error.message) : error;
  }
}

/** What the file, or standard input, holds. */
async function readToken(file: string): Promise<string> {
  const read = file === "-" ? null : readText(file, tokenBytesMax);
  if (read !== null && read.kind !== "text") {
    throw new UsageMistake(`--token-file: ${file} ${read.problem}.`);
  }
  const token = (read === null ? await readStdin() : read.text).trim();
  if (/^[\u0021-\u007e]+$/.test(token)) return token;
  throw new UsageMistake("--token-file: what it holds is no key. It wants the key alone.");
}

function isCurrentEntry(entry: ContextEntry, context: Context): boolean {
  return chooseServer(context, null) === entry;
}

function toJson(entry: ContextEntry, context: Context) {
  return {
    name: entry.name,
    url: entry.url,
    data_dir: entry.dataDir === "" ? null : entry.dataDir,
    has_key: entry.apiKey !== null,
    current: isCurrentEntry(entry, context),
  };
}

function columns(context: Context): readonly Column<ContextEntry>[] {
  return [
    { name: " ", text: (entry) => (isCurrentEntry(entry, context) ? "*" : "") },
    { name: "NAME", text: ({ name }) => name, columnsMax: 32 },
    { name: "ADDRESS", text: ({ url }) => url ?? "unknown", columnsMax: 60 },
    { name: "KEY", text: ({ apiKey }) => (apiKey === null ? "none" : "yes") },
    { name: "DATA", text: ({ dataDir }) => toSafeLine(dataDir) },
  ];
}
