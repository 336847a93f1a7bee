// Tells the user what the first start of a server made, and keeps it where later commands find it. Nobody can
// read the secrets from the log of a container: there only the name of their file is said.

import { dirname, join } from "node:path";

import { contextPath, findEntry, withEntry } from "../config/context.ts";
import type { ContextEntry } from "../config/context.ts";
import { GridError } from "../domain/errors.ts";
import { makePrivateDirectory, readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import { environment, homeFolder, isUnwatchedContainer } from "../platform/program.ts";
import type { FirstRunSink, GeneratedCredentials } from "../wiring/credentials.ts";
import { printNotice } from "./output.ts";

export type FirstRun = FirstRunSink & {
  /** Notes the address of a server whose credentials stand in the user's context. */
  listening(url: string): Promise<void>;
};

/** What the entry of a server says of it. */
type Server = { readonly name: string; readonly dataDir: string };

export function createFirstRun({ name, dataDir }: Server): FirstRun {
  const own = contextPath(environment(), homeFolder());
  // Where the user's folder cannot be written, as in a service without a home, the data directory serves.
  const places = [...(own === null ? [] : [own]), join(dataDir, "context.toml")];
  return {
    async keep(generated) {
      const entry = { dataDir, name, url: null, ...generated };
      const path = await enterFirst(places, entry);
      for (const line of told(generated, path)) printNotice(line);
    },
    async listening(url) {
      for (const path of places) {
        const found = findEntry((await readTextOrNull(path).catch(() => null)) ?? "", dataDir);
        if (found === null || found.url === url) continue;
        await enter(path, { ...found, name, url }).catch(() => {}); // Only a convenience is lost.
      }
    },
  };
}

/** Enters into the first file that takes it, and answers with its path. */
async function enterFirst(paths: readonly string[], entry: ContextEntry): Promise<string> {
  const problems: unknown[] = [];
  for (const path of paths) {
    try {
      await enter(path, entry);
      return path;
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(
    problems,
    `The credentials could be kept in none of ${paths.join(", ")}`,
  );
}

/** Puts the entry into the file. What it does not know stays as an older entry says it. */
async function enter(path: string, entry: ContextEntry): Promise<void> {
  const text = (await readTextOrNull(path)) ?? "";
  const older = findEntry(text, entry.dataDir);
  const merged = {
    ...entry,
    url: entry.url ?? older?.url ?? null,
    apiKey: entry.apiKey ?? older?.apiKey ?? null,
    workerToken: entry.workerToken ?? older?.workerToken ?? null,
  };
  const changed = withEntry(text, merged);
  if (changed === null) throw new GridError("malformed", `${path} is not valid TOML. Mend it.`);
  await makePrivateDirectory(dirname(path));
  await replaceFile(path, changed);
}

function told({ apiKey, workerToken }: GeneratedCredentials, path: string): readonly string[] {
  if (isUnwatchedContainer()) {
    return [`This server made its own credentials. They are in ${path}, for this user alone.`];
  }
  return [
    "This server made its own credentials, shown only this once:",
    ...(apiKey === null ? [] : [`  API key       ${apiKey}`]),
    ...(workerToken === null ? [] : [`  worker token  ${workerToken}`]),
    `Kept for you in ${path}`,
  ];
}
