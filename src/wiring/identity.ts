// The file IDENTITY: which grid a data directory belongs to, and in which format it is. A person can read it.
// It is written before the database is made, so that a database that is missing later is noticed.

import { join } from "node:path";
import { toWireInstant } from "../server/instants.ts";
import { readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import { StartError } from "../platform/start-error.ts";
import type { Instant } from "../domain/job.ts";

/** Which files a data directory has and what they mean. */
const directoryFormat = 1;

/** `being-made` until the first start is counted: until then nothing was promised to anybody. */
export type Identity = {
  readonly clusterId: string;
  readonly createdAt: string;
  readonly state: "being-made" | "in-use";
};

export function createIdentity(clusterId: string, at: Instant): Identity {
  return { clusterId, createdAt: toWireInstant(at), state: "being-made" };
}

export async function writeIdentity(directory: string, identity: Identity): Promise<void> {
  const { clusterId, createdAt, state } = identity;
  const told = {
    about: "The data directory of a GridLike server. Not to be edited.",
    format: directoryFormat,
    cluster_id: clusterId,
    created: createdAt,
    state,
  };
  await replaceFile(pathOf(directory), `${JSON.stringify(told, null, 2)}\n`);
}

/** Null when there is none. Refuses what it cannot read and what another version wrote. */
export async function readIdentity(directory: string): Promise<Identity | null> {
  const path = pathOf(directory);
  const text = await readTextOrNull(path);
  if (text === null) return null;
  const told = parseObject(text);
  if (told === null || typeof told.format !== "number") throw unreadable(path);
  if (told.format !== directoryFormat) throw otherFormat(directory, told.format);
  const { cluster_id: clusterId, created: createdAt, state } = told;
  if (typeof clusterId !== "string" || clusterId === "") throw unreadable(path);
  if (typeof createdAt !== "string") throw unreadable(path);
  if (state !== "being-made" && state !== "in-use") throw unreadable(path);
  return { clusterId, createdAt, state };
}

/** The object that a JSON text stands for, or null. */
export function parseObject(text: string): { readonly [name: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function pathOf(directory: string): string {
  return join(directory, "IDENTITY");
}

function unreadable(path: string): StartError {
  return new StartError(
    3,
    `The file ${path} is damaged. Restore it from a backup of the data directory, or set data_dir to another directory.`,
  );
}

function otherFormat(directory: string, format: number): StartError {
  return new StartError(
    3,
    `The data directory ${directory} has format ${format}; this program knows format ${directoryFormat}. Start the version that wrote it, or set data_dir to another directory.`,
  );
}
