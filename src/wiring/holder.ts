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
  await replaceFile(holderPath(directory), `${JSON.stringify(told, null, 2)}\n`);
}

export async function removeHolder(directory: string): Promise<void> {
  await removeIfThere(holderPath(directory));
}

export type Holder = {
  readonly pid: number;
  readonly host: string;
  readonly address: string | null;
};

/** What the file says, or null when it says nothing. */
export async function readHolder(directory: string): Promise<Holder | null> {
  const text = await readTextOrNull(holderPath(directory)).catch(() => null); // only explains
  const told = text === null ? null : parseObject(text);
  if (typeof told?.pid !== "number" || typeof told.host !== "string") return null;
  const address = typeof told.address === "string" ? told.address : null;
  return { pid: told.pid, host: told.host, address };
}

/** What the second server is told. */
export async function heldByAnother(directory: string): Promise<StartError> {
  const holder = describe(await readHolder(directory));
  return new StartError(
    3,
    `The data directory ${directory} is in use by another server${holder}. Stop that one first, or set data_dir to another directory.`,
  );
}

function describe(holder: Holder | null): string {
  if (holder === null) return "";
  const { pid, host, address } = holder;
  return ` (process ${pid} on ${host}${address === null ? "" : `, at ${address}`})`;
}

/** Where the file lies while a server uses the directory, and after one was killed. */
export function holderPath(directory: string): string {
  return join(directory, "HOLDER");
}
