// Examines the database of a stopped server: whose it is, how far it has come, and whether the engine finds it sound.

import { join } from "node:path";
import { errorCodeOf, removeIfThere } from "../platform/durable-files.ts";
import { factsOf } from "../platform/file-system.ts";
import { openStoredCopy, type StoredCopy } from "../store/sqlite/stored-copy.ts";
import { databaseName } from "./data-dir.ts";
import type { Findings } from "./findings.ts";
import type { HighWater } from "./high-water.ts";
import type { Identity } from "./identity.ts";

export type DatabaseExamination = {
  readonly path: string;
  readonly isDeep: boolean;
  readonly identity: Identity | null;
  readonly mark: HighWater | null;
  readonly findings: Findings;
};

/** Examines it, and then what it refers to with `then`; null when it cannot be read. */
export async function examineDatabase<Answer>(
  about: DatabaseExamination,
  then: (copy: StoredCopy) => Promise<Answer>,
): Promise<Answer | null> {
  const { identity, mark, findings } = about;
  const file = join(about.path, databaseName);
  const facts = await factsOf(file);
  if (facts === null || facts.size === 0) {
    const isPromised = identity?.state !== "being-made" || mark !== null;
    if (isPromised) findings.note("database-lost", file);
    return null;
  }
  // Reading makes an empty log and shared memory, and leaves them behind; what was there before stays.
  const made: string[] = [];
  for (const path of [`${file}-wal`, `${file}-shm`]) {
    if ((await factsOf(path)) === null) made.push(path);
  }
  try {
    return await examineFile(file, about, then);
  } catch (error) {
    if (errorCodeOf(error)?.startsWith("SQLITE_") !== true) throw error;
    findings.note("database-damaged", `${file}: ${error instanceof Error ? error.message : ""}`);
    return null;
  } finally {
    for (const left of made) await removeIfThere(left);
  }
}

async function examineFile<Answer>(
  file: string,
  about: DatabaseExamination,
  then: (copy: StoredCopy) => Promise<Answer>,
): Promise<Answer | null> {
  const { findings, isDeep } = about;
  const copy = openStoredCopy(file);
  try {
    if (copy.kind !== "ours") {
      const whose = copy.kind === "newer" ? "a newer version of GridLike" : "another program";
      findings.note("database-foreign", `${file} was written by ${whose}`);
      return null;
    }
    const faults = copy.check(isDeep ? "thorough" : "quick");
    for (const fault of faults) findings.note("database-damaged", `${file}: ${fault}`);
    examineFacts(file, about, copy.facts());
    return await then(copy);
  } finally {
    copy.close();
  }
}

function examineFacts(
  file: string,
  { identity, mark, findings }: DatabaseExamination,
  facts: ReturnType<StoredCopy["facts"]>,
): void {
  const { clusterId, incarnation, eventSeq } = facts;
  if (identity !== null && clusterId !== null && clusterId !== identity.clusterId) {
    const told = `${file} belongs to grid ${clusterId}, the directory to grid ${identity.clusterId}`;
    findings.note("database-foreign", told);
  }
  if (mark === null) return;
  if (incarnation >= mark.incarnation && eventSeq >= mark.eventSeq) return;
  findings.note(
    "went-back",
    `${file} was at start ${mark.incarnation} and event ${mark.eventSeq}, and is now at start ${incarnation} and event ${eventSeq}`,
  );
}
