// The file HIGH-WATER: how far the database had come when somebody last looked. A database that says less went
// back in time: a part of it was lost, or an older copy was put in its place. Acknowledged jobs may be missing,
// so a person has to decide.

import { join } from "node:path";
import { readTextOrNull, replaceFile } from "../platform/durable-files.ts";
import { StartError } from "../platform/start-error.ts";
import { parseObject } from "./identity.ts";

/** Both numbers only grow, and both are durable in the database before they are written here. */
export type HighWater = { readonly incarnation: number; readonly eventSeq: number };

export async function readHighWater(directory: string): Promise<HighWater | null> {
  const path = highWaterPath(directory);
  const text = await readTextOrNull(path);
  if (text === null) return null;
  const told = parseObject(text);
  const mark = { incarnation: told?.incarnation, eventSeq: told?.event_seq };
  if (isCount(mark.incarnation) && isCount(mark.eventSeq)) {
    return { incarnation: mark.incarnation, eventSeq: mark.eventSeq };
  }
  throw new StartError(
    3,
    `The file ${path} is damaged, so that nobody can tell whether the database is the newest one. Restore it from a backup, or remove it if you are sure of the database.`,
  );
}

export async function replaceHighWater(directory: string, mark: HighWater): Promise<void> {
  const told = { incarnation: mark.incarnation, event_seq: mark.eventSeq };
  await replaceFile(highWaterPath(directory), `${JSON.stringify(told, null, 2)}\n`);
}

/** Refuses a database that says less than the mark. */
export function requireNotBehind(directory: string, mark: HighWater, database: HighWater): void {
  const isBehind = database.incarnation < mark.incarnation || database.eventSeq < mark.eventSeq;
  if (!isBehind) return;
  throw new StartError(
    3,
    `The database in ${directory} went back in time: it was at start ${mark.incarnation} and event ${mark.eventSeq}, and is now at start ${database.incarnation} and event ${database.eventSeq}. Jobs that were accepted may be missing. Put back the newest database with its -wal file; or, to go on with this one and accept the loss, remove ${highWaterPath(directory)}.`,
  );
}

/** The mark that is at least as high as both. */
export function higher(a: HighWater | null, b: HighWater): HighWater {
  if (a === null) return b;
  return {
    incarnation: Math.max(a.incarnation, b.incarnation),
    eventSeq: Math.max(a.eventSeq, b.eventSeq),
  };
}

function highWaterPath(directory: string): string {
  return join(directory, "HIGH-WATER");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
