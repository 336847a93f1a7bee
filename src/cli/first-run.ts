// Tells the user what the first start of a server made, and keeps it where later commands find it. Nobody can
// read the secrets from the log of a container: there only the name of their file is said.

import { dirname, join } from "node:path";

import { findEntry, withEntry } from "../config/context.ts";
import type { ContextEntry } from "../config/context.ts";
import { GridError } from "../domain/errors.ts";
import { makePrivateDirectory, readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import type { FirstRunSink, GeneratedCredentials } from "../wiring/credentials.ts";

export type FirstRun = FirstRunSink & {
  /** Notes where a server answers whose credentials were kept, and says what is kept; null is nothing. */
  listening(at: ServedAt): Promise<Kept | null>;
};

/** The address for programs of this machine, and the pin of the server's own certificate. */
export type ServedAt = { readonly url: string; readonly pin: string | null };

export type Kept = {
  readonly workerToken: string | null;
  /** Whether it stands where this user's commands look for it. */
  readonly isInContext: boolean;
};

export type FirstRunDeps = {
  readonly server: { readonly name: string; readonly dataDir: string };
  /** The user's context.toml, or null where the system knows no home. */
  readonly contextPath: string | null;
  /** True when what is printed ends in the log of a container. */
  readonly isUnwatched: boolean;
  readonly print: (line: string) => void;
};

export function createFirstRun(deps: FirstRunDeps): FirstRun {
  const { name, dataDir } = deps.server;
  const own = deps.contextPath === null ? [] : [deps.contextPath];
  // Where the user's folder cannot be written, as in a service without a home, the data directory serves.
  const places = [...own, join(dataDir, "context.toml")];
  return {
    async keep(generated) {
      const entry = { dataDir, name, url: null, pin: null, ...generated };
      const path = await enterFirst(places, entry);
      const lines = deps.isUnwatched
        ? [`This server made its own credentials. They are in ${path}, for this user alone.`]
        : told(generated, path);
      for (const line of lines) deps.print(line);
    },
    async listening({ url, pin }) {
      let kept: Kept | null = null;
      for (const path of places) {
        const found = findEntry((await readTextOrNull(path).catch(() => null)) ?? "", dataDir);
        if (found === null) continue;
        kept ??= { workerToken: found.workerToken, isInContext: own.includes(path) };
        if (found.url === url && found.pin === pin) continue;
        await enter(path, { ...found, name, url, pin }).catch(() => {}); // Only a convenience is lost.
      }
      return kept;
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
    pin: entry.url === null ? (older?.pin ?? null) : entry.pin, // It belongs to the address.
  };
  const changed = withEntry(text, merged);
  if (changed === null) throw new GridError("malformed", `${path} is not valid TOML. Mend it.`);
  await makePrivateDirectory(dirname(path));
  await replaceFile(path, changed);
}

function told({ apiKey, workerToken }: GeneratedCredentials, path: string): readonly string[] {
  return [
    "This server made its own credentials, shown only this once:",
    ...(apiKey === null ? [] : [`  API key       ${apiKey}`]),
    ...(workerToken === null ? [] : [`  worker token  ${workerToken}`]),
    `Kept for you in ${path}`,
  ];
}
