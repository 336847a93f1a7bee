// What this user submitted last to which server, for the selector `last`. Only a convenience: a file that cannot be
// read or written is none.

import { dirname, isAbsolute, join } from "node:path";

import { makePrivateDirectory, replaceFile } from "../platform/durable-files.ts";
import { readText } from "../platform/files.ts";
import { environment, homeFolder } from "../platform/program.ts";

/** Jobs of one submission: those of a group, or by their ids. */
export type LastSubmission =
  { readonly group: string } | { readonly group: null; readonly ids: readonly string[] };

const fileBytesMax = 4 * 1024 * 1024;

/** Ids kept of one submission without a group: whoever submits more gives them a group. */
const idCountMax = 10_000;

/** Servers kept, the one used last at the end. */
const serverCountMax = 32;

/** `url`: of the server, as the command found it. */
export async function rememberSubmission(url: string, last: LastSubmission): Promise<void> {
  const path = statePath();
  if (path === null) return;
  const kept =
    last.group === null ? { group: null, ids: last.ids.slice(-idCountMax) } : { group: last.group };
  const others = Object.entries(readState(path)).filter(([server]) => server !== url);
  const entries = [...others.slice(1 - serverCountMax), [url, kept]];
  try {
    await makePrivateDirectory(dirname(path));
    await replaceFile(path, `${JSON.stringify(Object.fromEntries(entries))}\n`);
  } catch {
    // `last` then means the newest job of the server.
  }
}

/** Null when nothing is known. */
export function lastSubmission(url: string): LastSubmission | null {
  const path = statePath();
  const found = path === null ? undefined : readState(path)[url];
  if (typeof found !== "object" || found === null) return null;
  if ("group" in found && typeof found.group === "string") return { group: found.group };
  if (!("ids" in found) || !Array.isArray(found.ids)) return null;
  const ids: readonly unknown[] = found.ids;
  return { group: null, ids: ids.filter((id): id is string => typeof id === "string") };
}

function statePath(): string | null {
  const base = environment()["XDG_STATE_HOME"];
  if (base !== undefined && isAbsolute(base)) return join(base, "gridlike", "last.json");
  const home = homeFolder();
  return home === null ? null : join(home, ".local", "state", "gridlike", "last.json");
}

function readState(path: string): { readonly [url: string]: unknown } {
  const read = readText(path, fileBytesMax);
  try {
    const value: unknown = JSON.parse(read.kind === "text" ? read.text : "{}");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {}; // Of another version, or cut short.
  }
}
