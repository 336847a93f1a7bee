// The file HOLDER: who holds the lock of a data directory, for the sentence that the next one gets. The lock is
// the truth; this file only explains it, and a killed server leaves it behind.

import { join } from "node:path";
import { toWireInstant } from "../server/instants.ts";
import { readTextOrNull, removeIfThere, replaceFile } from "../platform/durable-files.ts";
import { StartError } from "../platform/start-error.ts";
import { thisProcess } from "../platform/this-process.ts";
import { parseObject } from "./identity.ts";
import type { Instant } from "../domain/job.ts";

/** `address`: where the server answers, once it does. */
export async function writeHolder(
  directory: string,
  at: Instant,
  address: string | null,
): Promise<void> {
  const told = { ...thisProcess(), since: toWireInstant(at), address };
  await replaceFile(pathOf(directory), `${JSON.stringify(told, null, 2)}\n`);
}

export async function removeHolder(directory: string): Promise<void> {
  await removeIfThere(pathOf(directory));
}

/** What the second server is told. */
export async function heldByAnother(directory: string): Promise<StartError> {
  const text = await readTextOrNull(pathOf(directory)).catch(() => null); // only explains
  const holder = describe(text === null ? null : parseObject(text));
  return new StartError(
    3,
    `The data directory ${directory} is in use by another server${holder}. Stop that one first, or set data_dir to another directory.`,
  );
}

function describe(told: { readonly [name: string]: unknown } | null): string {
  if (typeof told?.pid !== "number" || typeof told.host !== "string") return "";
  const address = typeof told.address === "string" ? `, at ${told.address}` : "";
  return ` (process ${told.pid} on ${told.host}${address})`;
}

function pathOf(directory: string): string {
  return join(directory, "HOLDER");
}
